"""Where what is made of a run is written and read: its folder, or another if it is read only."""

from pathlib import Path

from disvae.errors import UserError


class Outputs:
    """The pictures and tables of a model of the run in `home`: at its end, or where `at` says."""

    def __init__(self, home: Path, folder: str | Path | None, at: int | str | None):
        self.home, self.folder = home, home if folder is None else Path(folder)
        self._at = at

    def file(self, name: str) -> Path:
        """Return where to write a picture or table: at the run's end under its own `name`.

        That of an epoch, or of a run that was stopped, says so: ``metrics-10.log``,
        ``metrics-last.log``. The folder is made if it is not the run's; that of another run is a
        `UserError`.
        """
        self.require_own()
        if self.folder != self.home:
            self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / self._named(name)

    def require_own(self) -> None:
        """Refuse to write into another run, by a `UserError`."""
        if self._is_of_another_run:
            raise UserError(
                f"{self.folder} is a run itself, so nothing is written there of another one; "
                "name a folder for that by --out."
            )

    def made(self, name: str) -> Path:
        """Return where to read such a file: as it was made of this run, else as it came with it."""
        here = self.folder / self._named(name)
        is_ours = here.exists() and not self._is_of_another_run
        return here if is_ours else self.came(name)

    def came(self, name: str) -> Path:
        """Return where such a file lies that came with the run."""
        return self.home / self._named(name)

    @property
    def _is_of_another_run(self) -> bool:
        return self.folder != self.home and (self.folder / "specs.json").exists()

    def _named(self, name: str) -> str:
        is_ended = self._at is None and (self.home / "model.pt").is_file()
        path = Path(name)
        return name if is_ended else f"{path.stem}-{self._at or 'last'}{path.suffix}"
