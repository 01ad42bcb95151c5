"""
What all tests may ask for by name: a ledger on each database.
"""

from tests.storage.databases import each_database, each_place, postgres_url

__all__ = ["each_database", "each_place", "postgres_url"]
