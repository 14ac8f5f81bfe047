"""A data folder without its keyring: told at the start, not found out one delivery at a time."""

from http import HTTPStatus
from pathlib import Path

import pytest

from tests.processes import StartError
from tests.services import embedded


def test_a_service_whose_keyring_file_is_gone_does_not_start_with_a_new_one(folder: Path) -> None:
    with embedded(folder, keyring="") as service:
        answer = service.api.post("/endpoints", json={"url": "http://127.0.0.1:9/"})
        assert answer.status_code == HTTPStatus.CREATED
        service.terminate()
        (keyring,) = folder.rglob("keyring")
        lost = keyring.read_text().partition(":")[0]
        keyring.unlink()
        with pytest.raises(StartError, match=f"ended with status 3\n(.|\n)*lacks {lost}"):
            service.start()
