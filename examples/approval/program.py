"""An approval that may take days: the session waits as a row in the database, without a process."""

import os

from aetherflow import Event, custom_data, emit, get_webhook_url, next_event, step, subscribe


def on_expense(event: Event, session_id: str) -> str:
    """Ask for a decision, remind once, and give up in the end."""
    expense = event.data.body.json
    custom_data(amount=expense.amount, by=expense.by)
    decisions = subscribe("decision", filter=f'data.url.query.expense == "{session_id}"')
    ask(expense, session_id, "Please decide")
    decision = next_event(decisions, timeout=float(os.environ["REMIND_AFTER_SECONDS"]))
    if decision is None:
        ask(expense, session_id, "Still waiting")
        decision = next_event(decisions, timeout=float(os.environ["GIVE_UP_AFTER_SECONDS"]))
    verdict = verdict_of(decision)
    emit(f"expense.{verdict}", {"expense": {"amount": expense.amount, "by": expense.by}})
    return verdict


@step("ask")
def ask(expense: dict, session_id: str, text: str) -> None:
    """Tell the manager where to decide. A real program sends a mail or a chat message here."""
    url = f"{get_webhook_url('decision')}?expense={session_id}"
    print(f"{text}: {expense['by']} spent {expense['amount']}. POST approve=yes or approve=no to {url}")


def verdict_of(decision: Event | None) -> str:
    """Return what was decided; what is no clear yes is a no."""
    if decision is None:
        return "expired"
    return "approved" if (decision.body.form or {}).get("approve") == "yes" else "rejected"
