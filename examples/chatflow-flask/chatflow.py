"""Asks ChatFlow what to say next to a user. The two ids are secrets: they come from the environment."""

import os
from urllib.parse import quote

import requests

URL = os.environ.get("CHATFLOW_URL", "http://127.0.0.1:8080/chatflow/api/v1")
SECRETS = {
    "X-ChatFlow-Client-Id": os.environ.get("CHATFLOW_CLIENT_ID", ""),
    "X-ChatFlow-App-Id": os.environ.get("CHATFLOW_APP_ID", ""),
}

# A turn takes 3.5 s at most, and a messenger waits 5 s for all of it.
TIMEOUT = (1, 4)


class Refused(requests.RequestException):
    """ChatFlow's no, with the code that says why."""

    def __init__(self, code):
        super().__init__(f"ChatFlow refused the call with code {code}")
        self.code = code


def message(user_key, content, kind="text"):
    """The turn that answers what the user said."""
    return _call("POST", "/message", user_key=user_key, content=content, type=kind)


def nobody_came(user_key):
    """The turn that goes on where the scenario handed the user to a human, and there is none."""
    return _call("POST", "/resume", user_key=user_key, served=False)


def forget(user_key):
    """Forgets the user, and all that they said."""
    try:
        _call("DELETE", f"/users/{quote(user_key, safe='')}/state")
    except Refused as refused:
        if refused.code != 302:  # nothing was known of them
            raise


def _call(method, path, **fields):
    # Joined: one bubble for a messenger that shows one, with all texts, the first picture, the first link.
    body = {**fields, "joined": True} if fields else None
    answer = requests.request(method, URL + path, json=body, headers=SECRETS, timeout=TIMEOUT)
    if not answer.ok:
        raise Refused(answer.json().get("code"))
    return answer.json()
