"""Types of the settings of scores, with bounds beyond which memory or hours would run out."""

from typing import Annotated

from pydantic import Field

Bins = Annotated[int, Field(ge=2, le=10_000)]
Draws = Annotated[int, Field(ge=1, le=10**7)]  # of images, or of groups of them
GroupSize = Annotated[int, Field(ge=1, le=10_000)]  # images of a draw, or neighbours
Repeats = Annotated[int, Field(ge=1, le=10_000)]
