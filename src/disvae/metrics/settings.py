"""Settings that scores share: their help, and bounds within which memory and hours suffice."""

from typing import Annotated

from pydantic import Field

Bins = Annotated[int, Field(ge=2, le=10_000), "Equal-width bins a code."]
Draws = Annotated[int, Field(ge=2, le=10**7)]  # of images, or of groups of them
GroupSize = Annotated[int, Field(ge=1, le=10_000)]  # images of a draw, or neighbours
NumPoints = Annotated[Draws | None, "Images drawn, with replacement; None takes each once."]
NumTrain = Annotated[Draws, "Draws to fit to, with replacement."]
NumTest = Annotated[Draws, "Draws to test on, with replacement."]
Seed = Annotated[int | None, "Decides all that is random."]
Repeats = Annotated[int, Field(ge=1, le=10_000), "How many times to draw and score."]
