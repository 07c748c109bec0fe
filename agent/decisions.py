"""Keeps decision records: what explain-why reads, and nothing else."""

from __future__ import annotations

from sqlalchemy import Column, Engine, Float, Index, MetaData, String, Table, Text, delete, insert, select

from palate.domain import DecisionRecord
from palate.errors import NotFound
from palate.sql import opening, scrub

__all__ = ["DecisionStore"]

_metadata = MetaData()
_decisions = Table(
    "decisions",
    _metadata,
    Column("decision_id", String(128), primary_key=True),
    Column("person_id", String(128), nullable=False),
    Column("at", Float, nullable=False),
    Column("document", Text, nullable=False),
    Index("decisions_by_person", "person_id", "at"),
)


class DecisionStore:
    """Decision records as JSON documents beside the columns they are found by. The tables are made where missing.

    Args:
        engine: Where the tables are, or are made.

    Raises:
        Unavailable: The database is damaged or is not there.

    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        with opening(engine, "decision"):
            _metadata.create_all(engine)

    def put(self, record: DecisionRecord) -> None:
        """Keep a record, durably on return."""
        row = {
            "decision_id": record.decision_id,
            "person_id": record.person_id,
            "at": record.at.timestamp(),
            "document": record.model_dump_json(exclude_defaults=True),
        }
        with self._engine.begin() as connection:
            connection.execute(insert(_decisions).values(row))

    def get(self, decision_id: str) -> DecisionRecord:
        """Return a record.

        Raises:
            NotFound: There is none of that id.

        """
        with self._engine.connect() as connection:
            document = connection.execute(select(_decisions.c.document).where(_decisions.c.decision_id == decision_id)).scalar()
        if document is None:
            raise NotFound(f"There is no decision {decision_id!r}.", remedy="Use the decision_id of a slate.", param="decision_id")
        return DecisionRecord.model_validate_json(document)

    def recent(self, person_id: str, n: int = 20) -> list[DecisionRecord]:
        """Return a person's last ``n`` records, newest first."""
        columns = _decisions.c
        query = (
            select(columns.document).where(columns.person_id == person_id).order_by(columns.at.desc(), columns.decision_id).limit(n)
        )
        with self._engine.connect() as connection:
            return [DecisionRecord.model_validate_json(document) for document in connection.execute(query).scalars()]

    def erase(self, person_id: str) -> int:
        """Remove all of a person's records; return how many there were. On SQLite the bytes go from the file and its log."""
        with self._engine.begin() as connection:
            removed = connection.execute(delete(_decisions).where(_decisions.c.person_id == person_id)).rowcount
        scrub(self._engine)
        return removed

    def close(self) -> None:
        """Release the engine's connections."""
        self._engine.dispose()
