"""
An OpenID Connect provider for tests: discovery, authorization with PKCE, tokens, keys that rotate, and every misbehaviour that is asked of it.

`Provider` serves from a thread of the test; run as a program it is a process of its own that is steered over `POST /control`.
"""

import hmac
import json
import secrets
import sys
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

CLIENT_ID: Final = "pointsman"
CLIENT_SECRET: Final = "a-secret-of-the-registration"
AUDIENCE: Final = "https://gateway.example.com"

_WRONG: Final[dict[str, dict[str, Any]]] = {
    "another_nonce": {"nonce": "replayed"},
    "another_audience": {"aud": "somebody-else"},
    "another_party": {"aud": [CLIENT_ID, "b"], "azp": "b"},
    "no_party": {"aud": [CLIENT_ID, "b"]},
    "another_issuer": {"iss": "https://elsewhere.example.com"},
}


class Provider:
    """The provider. What it does is told by its attributes, which a test may change at any time."""

    def __init__(self, *, port: int = 0) -> None:
        self.person: dict[str, Any] = {"sub": "u-1", "email": "ada@example.com", "email_verified": True, "groups": ["staff"]}
        self.misbehaves = ""
        self.now: Callable[[], float] = time.time
        self.is_down = False
        self.client_secret: str | None = CLIENT_SECRET
        self.asked: list[str] = []
        self.tokens_asked: list[dict[str, str]] = []
        self.keys: list[Any] = []
        self._codes: dict[str, dict[str, str]] = {}
        self.rotate()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.get(self)

            def do_POST(self) -> None:
                provider.post(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()

    # ── keys and tokens ─────────────────────────────────────────────────────────────────────────────────────────────

    def rotate(self) -> str:
        """Sign with a new key from now on, and show no other; return its id."""
        kid = f"key-{secrets.token_hex(4)}"
        self.keys = [ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})]
        return kid

    def jwks(self) -> dict[str, Any]:
        return {"keys": [key.as_dict(private=self.misbehaves == "shows_private_keys") for key in self.keys]}

    def sign(self, claims: dict[str, Any], *, key: Any = None, **head: Any) -> str:
        """Return a signed token of exactly these claims."""
        key = key or self.keys[-1]
        told = {"alg": "ES256", "typ": "JWT", "kid": key.as_dict().get("kid"), **head}
        return jws.serialize_compact({name: one for name, one in told.items() if one is not None}, json.dumps(claims).encode(), key, algorithms=[told["alg"]])

    def token(self, *, key: Any = None, head: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a token of a workload. A claim that is given as None is left out."""
        now = int(self.now())
        whole = {"iss": self.url, "aud": AUDIENCE, "sub": "job-1", "iat": now, "exp": now + 600, "jti": secrets.token_hex(8), **claims}
        return self.sign({name: one for name, one in whole.items() if one is not None}, key=key, **(head or {}))

    # ── HTTP ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def get(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        told = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append(parts.path)
        if self.is_down:
            request.close_connection = True
        elif parts.path == "/.well-known/openid-configuration":
            _answer(request, 200, self._discovery())
        elif parts.path == "/jwks":
            _answer(request, 500 if self.misbehaves == "no_keys" else 200, {} if self.misbehaves == "empty_keys" else self.jwks())
        elif parts.path == "/authorize":
            self._authorize(request, told)
        else:
            _answer(request, 404, {})

    def post(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("content-length", "0"))).decode()
        if urlsplit(request.path).path == "/control":
            _answer(request, 200, self._control(json.loads(body)))
        elif self.is_down:
            request.close_connection = True
        else:
            self._token(request, {name: values[0] for name, values in parse_qs(body).items()})

    def _control(self, told: dict[str, Any]) -> dict[str, Any]:
        for name, value in told.items():
            if name == "rotate":
                self.rotate()
            elif name == "token":
                return {"token": self.token(**value)}
            else:
                setattr(self, name, value)
        return {"asked": len(self.asked)}

    def _discovery(self) -> dict[str, Any]:
        issuer = "https://elsewhere.example.com" if self.misbehaves == "speaks_for_another" else self.url
        found: dict[str, Any] = {
            "issuer": issuer,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": "http://169.254.169.254/keys" if self.misbehaves == "keys_elsewhere" else f"{self.url}/jwks",
        }
        if self.misbehaves == "post_only":
            found["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
        if self.misbehaves == "no_endpoints":
            found = {name: one for name, one in found.items() if not name.endswith("endpoint")}
        return found if self.misbehaves != "no_document" else {"hello": "world"}

    def _authorize(self, request: BaseHTTPRequestHandler, told: dict[str, str]) -> None:
        assert (told["response_type"], told["code_challenge_method"], told["client_id"]) == ("code", "S256", CLIENT_ID)
        code = secrets.token_urlsafe(16)
        self._codes[code] = told
        back = {"code": code, "state": told["state"]}
        if self.misbehaves == "another_state":
            back["state"] = "forged"
        if self.misbehaves == "refuses":
            back = {"error": "access_denied", "error_description": "<script>alert(1)</script>", "state": told["state"]}
        if self.misbehaves == "mixes_up":
            back["iss"] = "https://elsewhere.example.com"
        request.send_response(302)
        request.send_header("location", f"{told['redirect_uri']}?{urlencode(back)}")
        request.send_header("content-length", "0")
        request.end_headers()

    def _token(self, request: BaseHTTPRequestHandler, told: dict[str, str]) -> None:
        self.tokens_asked.append(told)
        begun = self._codes.pop(told.get("code", ""), None)
        challenge = urlsafe_b64encode(sha256(told.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if begun is None or begun["code_challenge"] != challenge or begun["redirect_uri"] != told.get("redirect_uri"):
            _answer(request, 400, {"error": "invalid_grant"})
            return
        if self.client_secret is not None and not self._knows_secret(request, told):
            _answer(request, 401, {"error": "invalid_client"})
            return
        _answer(request, 200, {"access_token": "not-wanted", "token_type": "Bearer", **self._id_token(begun["nonce"])})

    def _knows_secret(self, request: BaseHTTPRequestHandler, told: dict[str, str]) -> bool:
        kind, _, pair = request.headers.get("authorization", "").partition(" ")
        if kind == "Basic":
            name, _, secret = b64decode(pair).decode().partition(":")
            return (unquote(name), unquote(secret)) == (CLIENT_ID, self.client_secret)
        return told.get("client_secret") == self.client_secret

    def _id_token(self, nonce: str) -> dict[str, Any]:
        now = int(self.now())
        claims: dict[str, Any] = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce, **self.person}
        key = self.keys[-1]
        claims |= _WRONG.get(self.misbehaves, {})
        match self.misbehaves:
            case "expired":
                claims["exp"] = now - 3600
            case "no_subject":
                del claims["sub"]
            case "forged":
                key = ECKey.generate_key("P-256", {"kid": key.as_dict()["kid"]})
            case "unsigned":
                parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({"alg": "none"}, claims)]
                return {"id_token": ".".join([*parts, ""])}
            case "no_token":
                return {}
            case _:
                pass
        return {"id_token": self.sign(claims, key=key)}


def a_rsa_key(kid: str = "rsa") -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid})


def hs_confused(claims: dict[str, Any], *, public_pem: bytes, kid: str) -> str:
    """Return a token signed with HS256 by somebody who takes the public key for a shared secret."""
    parts = [{"alg": "HS256", "typ": "JWT", "kid": kid}, claims]
    signed = b".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    return (signed + b"." + urlsafe_b64encode(hmac.digest(public_pem, signed, "sha256")).rstrip(b"=")).decode()


def _answer(request: BaseHTTPRequestHandler, status: int, body: dict[str, Any]) -> None:
    told = json.dumps(body).encode()
    request.send_response(status)
    request.send_header("content-type", "application/json")
    request.send_header("content-length", str(len(told)))
    request.end_headers()
    request.wfile.write(told)


if __name__ == "__main__":
    with Provider(port=int(sys.argv[1]) if len(sys.argv) > 1 else 0) as running:
        print(running.url, flush=True)
        threading.Event().wait()
