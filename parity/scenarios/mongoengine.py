"""MongoEngine: documents saved, found, changed and deleted, over one connection and another."""

from __future__ import annotations

import os

import mongoengine
from steps import step

SERVERS = ("mongodb_server",)

url = os.environ["TEST_MONGODB_URL"]


class Tea(mongoengine.Document):
    name = mongoengine.StringField(required=True, unique=True)
    cups = mongoengine.IntField()
    places = mongoengine.ListField(mongoengine.StringField())


class Guest(mongoengine.Document):
    name = mongoengine.StringField()
    meta = {"db_alias": "guests"}


with step("connected"):
    mongoengine.connect("teahouse", host=f"{url}/teahouse", uuidRepresentation="standard")
    mongoengine.connect("guests", alias="guests", host=f"{url}/guests", uuidRepresentation="standard")

with step("dropped"):
    Tea.drop_collection()
    Guest.drop_collection()

with step("saved"):
    Tea(name="green", cups=3, places=["Uji"]).save()
    Tea(name="black", cups=2).save()

with step("several at once"):
    Tea.objects.insert([Tea(name=f"tea {number}") for number in range(5)])

with step("found"):
    assert Tea.objects.get(name="green").cups == 3
    assert Tea.objects(places="Uji").count() == 1
    assert [tea.name for tea in Tea.objects(cups__gt=1).order_by("-cups")] == ["green", "black"]
    assert Tea.objects(name="none").first() is None

with step("changed"):
    assert Tea.objects(name="green").update_one(push__places="Kyoto") == 1
    tea = Tea.objects.get(name="green")
    tea.cups = 4
    tea.save()
    assert Tea.objects(cups__exists=False).update(set__cups=1) == 5

with step("another database"):
    Guest(name="Ann").save()
    assert Guest.objects.count() == 1

with step("a name that is taken", mongoengine.NotUniqueError):
    Tea(name="green").save()

with step("what is not there", mongoengine.DoesNotExist):
    Tea.objects.get(name="none")

with step("deleted"):
    Tea.objects.get(name="black").delete()
    assert Tea.objects(cups=1).delete() == 5
