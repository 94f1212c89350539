"""Who may do what: every operation of the OpenAPI document as every role, and what roles mean beyond the table."""

from kit.cases import case, check, equal
from kit.house import ROLES, House, refused
from kit.gateway import provider, shared, target
from kit.upstream import Upstream

# By hand, so that a slip in the server's own table is seen: which roles have which permission.
TABLE = {
    "none": "viewer member billing admin owner",
    "own_keys": "member billing admin owner",
    "read_accounts": "viewer billing admin owner",
    "write_accounts": "admin owner",
    "write_admins": "owner",
    "read_settings": "viewer billing admin owner",
    "write_settings": "admin owner",
    "write_prices": "billing admin owner",
    "read_usage": "viewer billing admin owner",
    "read_audit": "admin owner",
    "write_backups": "admin owner",
    "rotate_secrets": "owner",
}

# And which operation takes which.
READS = "list{0}s get{0}"
WRITES = "create{0} update{0} replace{0} delete{0}"
ACTS = {
    "none": "logIn refreshSession beginOidcLogin endOidcLogin logOut listPermissions getSelf changePassword",
    "own_keys": "handOutKey listOwnKeys createOwnKey revokeOwnKey regenerateOwnKey",
    "read_accounts": " ".join(READS.format(kind) for kind in ("User", "Team", "Key")),
    "write_accounts": " ".join(WRITES.format(kind) for kind in ("User", "Team", "Key"))
    + " regenerateKey revokeKey setPassword endSessions",
    "read_settings": " ".join(READS.format(kind) for kind in ("Provider", "Model", "Group", "Tier", "ModelType"))
    + " listChanges getConfig getBreakers listBackups",
    "write_settings": " ".join(WRITES.format(kind) for kind in ("Provider", "Model", "Group", "ModelType"))
    + " toggleProvider toggleModel setModelPriority rollBack",
    "write_prices": WRITES.format("Tier") + " setModelPrice",
    "read_usage": "getOverview listRequests",
    "read_audit": "listAudit exportAudit verifyAudit",
    "write_backups": "beginBackup",
    "rotate_secrets": "rotateSecrets",
}
# Answered by other parts of the server: without a place in the audit log, in words of their own.
PAGES = {"getOverview", "getBreakers", "listRequests"}
# For those who have no session yet, or no more.
DOORS = {"logIn", "refreshSession", "beginOidcLogin", "endOidcLogin", "logOut"}


def wanted_permission(operation):
    return next((p for p, acts in ACTS.items() if operation in acts.split()), None)


class Roles:
    def __init__(self):
        up = Upstream()
        self.house = House(
            {
                "providers": {"up": provider(up.url)},
                "models": {"plain": target("up")},
            }
        )
        for role in ROLES:
            self.house.make_user(role, role=role)
        self.tokens = {role: self.house.session(role) for role in ROLES}
        document = self.house.done("GET", "/openapi.json")
        self.operations = [
            (one["operationId"], method.upper(), path, one["x-permission"])
            for path, methods in document["paths"].items()
            for method, one in methods.items()
        ]


def roles():
    return shared("roles", Roles)


@case("the OpenAPI document names the permission of every operation, as it is written here")
def _():
    told = {name: permission for name, _, _, permission in roles().operations}
    for name, permission in told.items():
        equal(permission, wanted_permission(name), f"the permission of {name}")
    for permission, acts in ACTS.items():
        for name in acts.split():
            check(name in told, name, "is in no path of the document;", permission)


@case("every operation, asked for by every role: who may is not refused, who may not is, and it is noted")
def _():
    r = roles()
    allowed = denied = 0
    for name, method, path, _ in r.operations:
        if name in DOORS | PAGES:
            continue
        permission = wanted_permission(name)
        path = path.replace("{name}", "nobody")
        for role in ROLES:
            body = {} if method in ("POST", "PUT", "PATCH") else None
            answer = r.house.admin(method, path, body, token=r.tokens[role])
            if role in TABLE[permission].split():
                allowed += 1
                check(answer.status not in (401, 403) and answer.status < 500, role, name, answer)
                continue
            denied += 1
            refused(answer, 403, f"'{permission}'", f"'{role}'")
            entry = r.house.audit(actor=f"user%20{role}", act=name, limit=1)[0]
            got = {key: entry[key] for key in ("actor", "act", "subject", "outcome", "address")}
            want = {
                "actor": f"user {role}",
                "act": name,
                "subject": path,
                "outcome": "denied",
                "address": "127.0.0.1",
            }
            equal(got, want, f"the audit entry of {role} {name}")
    check(allowed > 150 and denied > 100, allowed, denied)
    print(f"     (asked {allowed} that are allowed and {denied} that are not)", flush=True)


@case("pages of other parts of the server let in the same roles")
def _():
    r = roles()
    for name, method, path, _ in r.operations:
        if name not in PAGES:
            continue
        for role in ROLES:
            answer = r.house.admin(method, path, token=r.tokens[role])
            may = role in TABLE[wanted_permission(name)].split()
            check((answer.status == 403) != may and answer.status != 401, role, name, answer)


@case("no key: 401; a key that is no admin's: 403; a wrong method: 405, and what is not there: 404")
def _():
    house = roles().house
    for name, method, path, _ in roles().operations:
        if name in DOORS:
            continue
        path = path.replace("{name}", "nobody")
        body = {} if method in ("POST", "PUT", "PATCH") else None
        equal(house.admin(method, path, body, token="").status, 401, f"{name} without a key")
        equal(house.admin(method, path, body, token="sk-lw-unknown").status, 401, f"{name} with an unknown key")
        if name in PAGES:
            equal(house.admin(method, path, body, token=house.key).status, 403, name)
            continue
        refused(house.admin(method, path, body, token=house.key), 403, "'admin: true'")
    wrong = house.admin("DELETE", "/admin/users")
    equal((wrong.status, wrong.field("allow")), (405, "GET, POST"))
    refused(house.admin("GET", "/admin/users/nobody/nothing"), 404)
    equal(house.admin("GET", "/openapi.json", token="").status, 200, "the document is for all")


@case("an admin makes no admins and owners, and touches none of theirs")
def _():
    house = roles().house
    admin = roles().tokens["admin"]

    def no(method, path, body=None, *words):
        refused(house.admin(method, path, body, token=admin), 403, *(words or ("owner",)))

    house.make_user("chief", role="owner")
    house.make_user("second", role="admin")
    house.make("keys", "chiefs", user="chief", admin=True)
    for role in ("admin", "owner"):
        no("POST", "/admin/users", {"name": "mine", "role": role}, f"'{role}'")
        no("PATCH", "/admin/users/member", {"role": role}, f"'{role}'")
    for other in ("chief", "second", "admin"):
        no("PATCH", f"/admin/users/{other}", {"role": "member"})
        no("PATCH", f"/admin/users/{other}", {"status": "blocked"})
        no("PUT", f"/admin/users/{other}", {"revision": house.done("GET", f"/admin/users/{other}")["revision"]})
        no("DELETE", f"/admin/users/{other}")
        no("PUT", f"/admin/users/{other}/password", {"password": "another password"})
        no("POST", f"/admin/users/{other}/logout")
    no("POST", "/admin/keys", {"name": "mine", "admin": True})
    no("POST", "/admin/keys", {"name": "mine", "admin": True, "user": "chief"})
    no("PATCH", "/admin/keys/chiefs", {"rpm": 1})
    no("POST", "/admin/keys/chiefs/regenerate")
    no("PATCH", "/admin/keys/chiefs", {"admin": False})
    # Nor by a detour: a key that acts for nobody, or for somebody else, or whose user becomes more.
    no("PATCH", "/admin/keys/chiefs", {"user": None})
    no("PATCH", "/admin/keys/chiefs", {"user": "admin"})
    made = house.done("POST", "/admin/keys", {"name": "small", "admin": True, "user": "member"}, 201, token=admin)
    equal(house.done("GET", "/auth/me", token=made["key"])["role"], "member")
    no("PATCH", "/admin/keys/small", {"user": None})
    no("PATCH", "/admin/keys/small", {"user": "chief"})
    # What it may: users below it.
    house.done("POST", "/admin/users", {"name": "low", "role": "billing"}, 201, token=admin)
    house.done("PATCH", "/admin/users/low", {"role": "viewer"}, token=admin)
    house.done("PUT", "/admin/users/low/password", {"password": "a fine password"}, 204, token=admin)
    house.done("DELETE", "/admin/users/low", None, 204, token=admin)


@case("a key with admin: true acts with the role that its user has at this moment")
def _():
    house = roles().house
    house.make_user("changing", role="owner")
    key = house.make("keys", "of-changing", user="changing", admin=True)["key"]

    def me():
        answer = house.admin("GET", "/auth/me", token=key)
        return answer.json().get("role") if answer.status == 200 else answer.status

    equal(me(), "owner")
    equal(house.done("GET", "/auth/me", token=key)["actor"], "key of-changing")
    for role in ROLES:
        house.done("PATCH", "/admin/users/changing", {"role": role})
        equal(me(), role)
        equal(house.admin("GET", "/admin/audit", token=key).status, 200 if role in ("admin", "owner") else 403)
    house.done("PATCH", "/admin/users/changing", {"status": "blocked"})
    equal(me(), 401, "of a user who is blocked")
    nobodys = house.make("keys", "nobodys", admin=True)["key"]
    equal(house.done("GET", "/auth/me", token=nobodys)["role"], "admin")
    equal(house.done("GET", "/auth/me")["role"], "owner", "a key of the file")


@case("a key that acts is ended by an owner, or by whom it is of")
def _():
    house = roles().house
    for role in ("owner", "admin"):
        house.make_user(f"key-{role}", role=role)
        for number in range(3):
            house.make("keys", f"acts-{role}-{number}", user=f"key-{role}", admin=True)
    house.make("keys", "calls-owner", user="key-owner")
    token = house.session("key-admin")
    for act in (("POST", "/admin/keys/acts-owner-0/revoke"), ("DELETE", "/admin/keys/acts-owner-0")):
        refused(house.admin(*act, token=token), 403, "'owner'", "ended by an owner only")
    house.done("POST", "/admin/keys/acts-admin-0/revoke", token=token)
    house.done("DELETE", "/admin/keys/acts-admin-1", None, 204, token=token)
    house.done("POST", "/admin/keys/calls-owner/revoke", token=token)
    house.done("POST", "/admin/keys/acts-admin-2/revoke")
    house.done("DELETE", "/admin/keys/acts-owner-0", None, 204)


@case("a role that is taken away is gone with the next request, also of sessions that run")
def _():
    house = roles().house
    house.make_user("falling", role="admin")
    token = house.session("falling")
    house.done("GET", "/admin/audit", token=token)
    house.done("PATCH", "/admin/users/falling", {"role": "member"})
    refused(house.admin("GET", "/admin/audit", token=token), 403, "'member'")
    house.done("PATCH", "/admin/users/falling", {"status": "inactive"})
    refused(house.admin("GET", "/auth/me", token=token), 401, "not active")
    house.done("PATCH", "/admin/users/falling", {"status": "active"})
    house.done("GET", "/auth/me", token=token)
    house.done("DELETE", "/admin/users/falling", None, 204)
    refused(house.admin("GET", "/auth/me", token=token), 401)
