"""asyncpg: a service named by DD_ASYNCPG_SERVICE_NAME, where nobody names that of the application."""

from __future__ import annotations

import asyncio
import os

import asyncpg
from steps import step

SERVERS = ("postgresql",)
SETTINGS = {"DD_ASYNCPG_SERVICE_NAME": "books"}


async def main() -> None:
    with step("connected"):
        books = await asyncpg.connect(os.environ["TEST_POSTGRESQL_URL"])
    with step("a statement"):
        await books.execute("SELECT 1")
    await books.close()


asyncio.run(main())
