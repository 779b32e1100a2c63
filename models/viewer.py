"""Who asks."""

from __future__ import annotations

from pydantic import Field

from models.labels import BUSINESS_ROLES, Role
from models.record import Frozen


class Viewer(Frozen):
    """A signed-in user or token. `districts` None: the whole city."""

    name: str
    role: Role
    districts: frozenset[str] | None = Field(None)

    @property
    def sees_business(self) -> bool:
        """The three administrators run the system without seeing what citizens said (三员分立)."""
        return self.role in BUSINESS_ROLES
