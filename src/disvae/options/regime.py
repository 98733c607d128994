"""The options of how training draws images, and what they mean on a dataset."""

import re
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from disvae.data.catalogue.registry import find
from disvae.data.regime import Regime, read_conditions, read_correlations
from disvae.errors import UserError
from disvae.options.common import TRAINING, option
from disvae.types import NoneFromText


def _correlated(text: str | None) -> str | None:
    if text is not None:
        read_correlations(text)
    return text


class RegimeOptions(BaseModel):
    """How training draws images; scores and test losses read all of them."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    if TYPE_CHECKING:
        dataset: str

    correlate: Annotated[
        str | None,
        NoneFromText,
        AfterValidator(_correlated),
        option(
            TRAINING,
            "Draw images so that factors are correlated, as posX:posY:0.1, with the standard "
            "deviation of their distance, each from 0 to 1; several with & between, `all` for "
            "every other factor.",
        ),
    ] = None
    hold_out: Annotated[
        str | None,
        NoneFromText,
        option(
            TRAINING,
            "Train without the images for which all conditions hold, as 'shape=0 & posX>0.5' (a "
            "whole number: the value's, from 0; with a point: its place from 0 to 1), or without "
            "a named part of the dataset, as montero_range.",
        ),
    ] = None

    @model_validator(mode="after")
    def _regime_is_possible(self) -> Self:
        try:
            self.regime  # noqa: B018 - it says what is wrong
        except UserError as error:
            raise ValueError(str(error).removesuffix(".")) from None
        return self

    @property
    def regime(self) -> Regime:
        """What the options mean; `UserError` if a dataset of the catalogue cannot give it."""
        if self.correlate is None and self.hold_out is None:
            return Regime()
        entry = find(self.dataset)
        named = {} if entry is None else entry.hold_outs
        text = named.get(self.hold_out or "", self.hold_out)
        if text is not None and re.fullmatch(r"\w+", text):
            known = f"; those of {self.dataset} are {', '.join(named)}" if named else ""
            raise UserError(f"--hold-out: there is no part named {text!r}{known}.")
        try:
            conditions = () if text is None else read_conditions(text)
        except ValueError as error:
            raise UserError(f"--hold-out: {error}.") from None
        regime = Regime(
            read_correlations(self.correlate or "") if self.correlate else (), conditions
        )
        if entry is not None:  # refused before it is downloaded
            regime.check(self.dataset, entry.factors)
        return regime
