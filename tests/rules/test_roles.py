import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.roles import Role, may_manage, scopes_of
from app.workspaces.keys import Scope, allows

roles = st.sampled_from(Role)


@pytest.mark.parametrize(
    ("actor", "subjects"),
    [
        (Role.OWNER, {Role.OWNER, Role.ADMIN, Role.DEVELOPER, Role.VIEWER}),
        (Role.ADMIN, {Role.ADMIN, Role.DEVELOPER, Role.VIEWER}),
        (Role.DEVELOPER, set()),
        (Role.VIEWER, set()),
    ],
)
def test_a_role_may_manage_people_of_these_roles(actor: Role, subjects: set[Role]) -> None:
    assert {role for role in Role if may_manage(actor, role)} == subjects


@given(steps=st.lists(st.tuples(roles, roles), max_size=20))
def test_no_number_of_changes_lets_anybody_but_an_owner_make_one(steps: list[tuple[Role, Role]]) -> None:
    team = [Role.ADMIN, Role.DEVELOPER, Role.VIEWER]
    for old, new in steps:
        can = any(may_manage(actor, old) and may_manage(actor, new) for actor in team)
        if old in team and can:
            team[team.index(old)] = new
    assert Role.OWNER not in team


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        (Role.OWNER, set(Scope) - {Scope.OPERATOR}, {Scope.OPERATOR}),
        (Role.ADMIN, set(Scope) - {Scope.OPERATOR}, {Scope.OPERATOR}),
        (
            Role.DEVELOPER,
            {Scope.READ, Scope.EVENTS_WRITE, Scope.ENDPOINTS_WRITE, Scope.WORKFLOWS_WRITE},
            {Scope.ADMIN, Scope.OPERATOR},
        ),
        (Role.VIEWER, {Scope.READ}, set(Scope) - {Scope.READ}),
    ],
)
def test_a_role_has_the_scopes_of_keys(role: Role, may: set[Scope], may_not: set[Scope]) -> None:
    assert {scope for scope in Scope if allows(scopes_of(role), scope)} == may
    assert may | may_not == set(Scope)
    assert scopes_of(role) <= {scope.value for scope in Scope}


@given(actor=roles, subject=roles)
def test_whoever_may_manage_somebody_has_the_scope_that_the_routes_ask_for(
    actor: Role, subject: Role
) -> None:
    assert not may_manage(actor, subject) or allows(scopes_of(actor), Scope.ADMIN)
