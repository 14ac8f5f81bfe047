from aetherflow.testing import make_event, run
from program import on_expense

EXPENSE = make_event(json={"by": "Alice", "amount": 80})
ENV = {"REMIND_AFTER_SECONDS": "86400", "GIVE_UP_AFTER_SECONDS": "172800"}


def decide(*decisions: str):
    events = [make_event(form={"approve": decision}) for decision in decisions]
    return run(on_expense, EXPENSE, triggers={"decision": events}, env=ENV, is_durable=True)


def test_a_yes_approves_and_is_published() -> None:
    result = decide("yes")
    assert result.returned == "approved"
    assert result.emitted == [("expense.approved", {"expense": {"amount": 80, "by": "Alice"}})]


def test_anything_but_a_yes_rejects() -> None:
    assert decide("no").returned == "rejected"
    assert decide("").returned == "rejected"


def test_the_manager_is_reminded_once_and_then_it_expires() -> None:
    result = decide()
    assert result.returned == "expired"
    assert [line.partition(":")[0] for line in result.prints] == ["Please decide", "Still waiting"]
    assert result.waited_seconds == 86_400 + 172_800


def test_the_link_leads_to_the_trigger_that_is_waited_for() -> None:
    (line,) = decide("yes").prints
    assert line.endswith("http://localhost/webhooks/decision?expense=ses_test")
