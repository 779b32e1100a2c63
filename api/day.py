"""A day in the address of a request."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator

from models.clock import no_number

Day = Annotated[date | None, Query(ge=date(1900, 1, 1), le=date(2199, 12, 31)), BeforeValidator(no_number)]
