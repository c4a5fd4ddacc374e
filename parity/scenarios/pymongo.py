"""pymongo: commands, cursors, bulk writes, transactions, errors, of the client and of the asynchronous one."""

from __future__ import annotations

import asyncio
import os

import pymongo
from pymongo import DeleteMany, InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, ServerSelectionTimeoutError
from steps import step

SERVERS = ("mongodb_server",)

url = os.environ["TEST_MONGODB_URL"]

with step("connected"):
    client = pymongo.MongoClient(url)
    assert client.admin.command("ping")["ok"]

shop = client.shop
teas = shop.teas

with step("dropped"):
    teas.drop()

with step("one document"):
    teas.insert_one({"_id": 1, "name": "green", "cups": 3, "from": {"country": "Japan"}})

with step("many documents"):
    teas.insert_many([{"_id": number, "name": "black", "cups": number} for number in range(2, 12)])

with step("in any order"):
    teas.insert_many([{"_id": 20}, {"_id": 21}], ordered=False)

with step("one is found"):
    assert teas.find_one({"name": "green"})["cups"] == 3
    assert teas.find_one() is not None

with step("by several conditions"):
    wanted = {"name": "black", "cups": {"$gt": 3, "$lt": 6}}
    assert len(list(teas.find(wanted, {"name": 1}))) == 2
    assert len(list(teas.find({"_id": {"$in": [1, 2]}, "name": {"$nin": ["white"]}}))) == 2
    assert len(list(teas.find({"$or": [{"_id": 1}, {"from.country": "India"}]}))) == 1

with step("in order, a page"):
    assert [tea["_id"] for tea in teas.find({"cups": {"$gt": 1}}).sort("_id", -1).skip(1).limit(2)] == [10, 9]

with step("in several batches"):
    assert len(list(teas.find({}, batch_size=5))) == 13

with step("changed"):
    teas.update_one({"_id": 1}, {"$set": {"cups": 4}})
    teas.update_many({"cups": {"$gt": 5}}, {"$inc": {"cups": 1}})
    teas.replace_one({"_id": 20}, {"name": "white"})
    teas.update_one({"_id": 30}, {"$set": {"cups": 1}}, upsert=True)

with step("found and changed"):
    assert teas.find_one_and_update({"_id": 2}, {"$set": {"cups": 2}})["_id"] == 2
    assert teas.find_one_and_delete({"_id": 30})["_id"] == 30

with step("deleted"):
    assert teas.delete_one({"_id": 21}).deleted_count == 1
    assert teas.delete_many({"cups": {"$gt": 100}}).deleted_count == 0

with step("writes in bulk"):
    teas.bulk_write(
        [
            InsertOne({"_id": 50}),
            UpdateOne({"_id": 50}, {"$set": {"name": "blue"}}),
            ReplaceOne({"_id": 50}, {"name": "red"}),
            DeleteMany({"name": "red"}),
        ]
    )

with step("aggregated"):
    each = {"$group": {"_id": "$name", "cups": {"$sum": "$cups"}}}
    assert len(list(teas.aggregate([{"$match": {"name": {"$ne": None}}}, each]))) == 3

with step("counted"):
    assert teas.count_documents({"name": "black"}) == 10
    assert teas.estimated_document_count() == 12
    assert sorted(teas.distinct("name")) == ["black", "green", "white"]

with step("an index"):
    teas.create_index("name")
    assert "name_1" in teas.index_information()
    teas.drop_index("name_1")

with step("what is there"):
    assert "teas" in shop.list_collection_names()
    assert "shop" in client.list_database_names()

with step("commands as they are"):
    assert shop.command({"count": "teas", "query": {"name": "black"}})["n"] == 10
    assert shop.command("dbstats")["ok"]

with step("a transaction"), client.start_session() as session, session.start_transaction():
    teas.insert_one({"_id": 60}, session=session)
    teas.update_one({"_id": 60}, {"$set": {"name": "oolong"}}, session=session)

with step("a transaction that is given up"), client.start_session() as session:
    session.start_transaction()
    teas.insert_one({"_id": 61}, session=session)
    session.abort_transaction()

with step("a key that is taken", DuplicateKeyError):
    teas.insert_one({"_id": 1})

with step("keys that are taken, in bulk", BulkWriteError):
    teas.insert_many([{"_id": 70}, {"_id": 1}, {"_id": 71}])

with step("an operator that is none", OperationFailure):
    list(teas.find({"cups": {"$nope": 1}}))

with step("a command that is none", OperationFailure):
    shop.command("brew", "teas")

with step("nobody there", ServerSelectionTimeoutError):
    pymongo.MongoClient("127.0.0.1", 1, serverSelectionTimeoutMS=50).shop.teas.find_one()


async def visit() -> None:
    with step("asynchronous: connected"):
        client = pymongo.AsyncMongoClient(url)
        assert (await client.admin.command("ping"))["ok"]
    cups = client.shop.cups
    with step("asynchronous: written"):
        await cups.drop()
        await cups.insert_one({"_id": 1, "for": "tea"})
        await cups.insert_many([{"_id": number} for number in range(2, 10)])
    with step("asynchronous: found"):
        assert (await cups.find_one({"for": "tea"}))["_id"] == 1
        assert len([cup async for cup in cups.find({}, batch_size=5)]) == 9
    with step("asynchronous: changed"):
        await cups.update_one({"_id": 1}, {"$set": {"for": "coffee"}})
        await cups.bulk_write([InsertOne({"_id": 20}), DeleteMany({"_id": {"$gt": 5}})])
    with step("asynchronous: at once"):
        await asyncio.gather(*(cups.find_one({"_id": number}) for number in (1, 2)))
    with step("asynchronous: a key that is taken", DuplicateKeyError):
        await cups.insert_one({"_id": 1})
    with step("asynchronous: a command that is none", OperationFailure):
        await client.shop.command("brew", "cups")
    with step("asynchronous: closed"):
        await client.close()


asyncio.run(visit())

with step("closed"):
    client.close()
