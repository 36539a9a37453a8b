"""Who may ask the page's server for something: only the page itself, in a browser of this machine. Pure.

A server on loopback is reached by every page that the browser has open. Three things keep those out: the Host header
(a foreign name that resolves to 127.0.0.1 keeps its name there: DNS rebinding), the Origin header, which the browser
sets and no script can change, and a token that only the page's own document carries (both: cross-site requests).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest

TOKEN_HEADER = "X-Mlops-Token"  # noqa: S105  the header's name
JSON = "application/json"
_OWN_SITES = ("", "same-origin", "none")
"""Values of Sec-Fetch-Site: not sent (no browser, or an old one), the page itself, typed into the address bar."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Of every answer: nothing from elsewhere is loaded, no other page may embed this one or read from it."""


@dataclass(frozen=True)
class Guard:
    """port: of the server; token: what the page's document carries."""

    port: int
    token: str

    @property
    def hosts(self) -> tuple[str, str]:
        """What a browser writes into Host for this server."""
        return f"127.0.0.1:{self.port}", f"localhost:{self.port}"

    def refusal(self, method: str, headers: Mapping[str, str]) -> str:
        """Why a request is refused, or "". headers: by names with capitals, as in X-Mlops-Token."""
        host = headers.get("Host", "")
        if host not in self.hosts:
            return f"host {host!r}: this server answers for {' and '.join(self.hosts)} only"
        if headers.get("Sec-Fetch-Site", "") not in _OWN_SITES:
            return "another site's page asks: open the console page itself"
        return "" if method in ("GET", "HEAD") else self._refusal_to_change(host, headers)

    def _refusal_to_change(self, host: str, headers: Mapping[str, str]) -> str:
        if headers.get("Origin", "") != f"http://{host}":
            return f"origin {headers.get('Origin', '')!r}: only the page of http://{host} may change anything"
        if headers.get("Content-Type", "").partition(";")[0].strip() != JSON:
            return f"content type {headers.get('Content-Type', '')!r}: send {JSON}"
        if not compare_digest(headers.get(TOKEN_HEADER, "").encode(), self.token.encode()):
            return "the page's token is missing or from an earlier start: load the page again"
        return ""
