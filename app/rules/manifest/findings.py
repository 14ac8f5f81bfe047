"""What comes to light while a manifest is read: mistakes, which refuse it, and warnings, which do not."""

from dataclasses import dataclass, field

from app.errors import InvalidManifest, Problem


@dataclass(slots=True)
class Findings:
    """Collects everything, so that an author corrects a deployment once and not mistake by mistake."""

    manifest_name: str
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def refuse(self, line: int | None, message: str, *, path: str = "", file: str | None = None) -> None:
        """Add a mistake; `path` is a JSON pointer into the manifest, which is the file meant unless told."""
        self.problems.append(Problem(path, message, file=file or self.manifest_name, line=line))

    def warn(self, message: str) -> None:
        """Add something that an author should know."""
        self.warnings.append(message)

    def refusal(self) -> InvalidManifest:
        """Return the error for all mistakes: those of the manifest first, each file's in order of lines."""
        count = len(self.problems)
        detail = "There is one mistake." if count == 1 else f"There are {count} mistakes."
        return InvalidManifest(
            f"{detail} Nothing was changed.", problems=sorted(self.problems, key=self._place)
        )

    def _place(self, problem: Problem) -> tuple[bool, str, int]:
        file = problem.file or ""
        return file != self.manifest_name, file, problem.line or 0
