"""A bot for KakaoTalk's Plus Friend and for Naver TalkTalk that keeps nothing itself: ChatFlow knows where each user is in
the scenario, and what to say next.

It believes whoever calls it, as both platforms do: keep it on the loopback interface or in a private network.
"""

import os

from flask import Flask, request
from requests import RequestException
from werkzeug.serving import make_server

import chatflow

app = Flask(__name__)
# The original platform garbled Korean where the charset was not said.
app.json.mimetype = "application/json; charset=utf-8"
app.json.ensure_ascii = False

# Before the first word there is no turn. Every scenario should know the way back to its beginning.
HOME = {"type": "buttons", "buttons": ["처음으로"]}
TYPING = {"type": "text"}
WELCOME = "안녕하세요! 아래를 누르거나 무엇이든 말씀해 주세요."
WORDS_ONLY = "여기서는 글로 말씀해 주세요."
SORRY = "지금은 답해 드릴 수 없습니다. 잠시 뒤에 다시 말씀해 주세요."
SUCCESS = {"code": 0, "message": "SUCCESS"}

# ChatFlow's code for a picture where words are asked for.
WRONG_KIND = 400


def say(user_key, content, kind="text"):
    """The turn that answers a user; one of our own if there is none."""
    try:
        turn = chatflow.message(user_key, content, kind)
        # No human sits behind this bot: the scenario goes on as it does when nobody comes.
        if "handoff" in turn or not turn["messages"]:
            turn = chatflow.nobody_came(user_key)
        return turn
    except RequestException as error:
        if getattr(error, "code", None) == WRONG_KIND:
            return own(WORDS_ONLY)
        note(error)
        return own(SORRY)


def own(text, keyboard=TYPING):
    return {"message": {"text": text, "image": None}, "keyboard": keyboard}


def kakao(turn):
    """A turn as Plus Friend shows it. ChatFlow's keyboards, pictures and links are made like Kakao's."""
    bubble = turn["message"]
    parts = {"text": bubble["text"], "photo": bubble["image"], "message_button": bubble.get("link")}
    return {"message": {name: part for name, part in parts.items() if part}, "keyboard": turn["keyboard"]}


def talktalk(turn):
    """A turn as TalkTalk shows it: a text, a picture, or a card, with at most ten quick replies."""
    bubble, labels = turn["message"], turn["keyboard"].get("buttons", [])[:10]
    text, image, link = bubble["text"], bubble["image"], bubble.get("link")
    # A title has room for ten characters; the code is what comes back.
    replies = [{"type": "TEXT", "data": {"title": label[:10], "code": label}} for label in labels]
    quick = {"quickReply": {"buttonList": replies}} if replies else {}
    if not image and not link:
        return {"event": "send", "textContent": {"text": text, **quick}}
    if not text and not link:
        return {"event": "send", "imageContent": {"imageUrl": image["url"], **quick}}
    card = {"description": text or link["label"]}
    if image:
        card["image"] = {"imageUrl": image["url"]}
    if link:
        button = {"title": link["label"][:18], "url": link["url"], "mobileUrl": link["url"]}
        card["buttonList"] = [{"type": "LINK", "data": button}]
    return {"event": "send", "compositeContent": {"compositeList": [card], **quick}}


@app.get("/keyboard")
def keyboard():
    return HOME


@app.post("/message")
def message():
    heard = request.get_json()
    return kakao(say(f"kakao-{heard['user_key']}", heard["content"], heard["type"]))


@app.post("/friend")
def friend():
    return SUCCESS


@app.delete("/friend/<user_key>")
@app.delete("/chat_room/<user_key>")
def gone(user_key):
    forget(f"kakao-{user_key}")
    return SUCCESS


@app.post("/talktalk")
def event():
    heard = request.get_json()
    user_key = f"talktalk-{heard.get('user', '')}"
    words, picture = heard.get("textContent"), heard.get("imageContent")
    match heard["event"]:
        # What is said while a human has the conversation is not for a bot to answer.
        case "send" if not heard.get("standby") and words:
            return talktalk(say(user_key, words.get("code") or words["text"]))
        case "send" if not heard.get("standby") and picture:
            return talktalk(say(user_key, picture["imageUrl"], "photo"))
        case "open":
            return talktalk(own(WELCOME, HOME))
        case "leave":
            forget(user_key)
    return ""


def forget(user_key):
    try:
        chatflow.forget(user_key)
    except RequestException as error:
        note(error)


def note(error):
    """Nothing more is said of it: an address would tell who the user is."""
    app.logger.warning("ChatFlow: %s %s", type(error).__name__, getattr(error, "code", ""))


if __name__ == "__main__":
    server = make_server("127.0.0.1", int(os.environ.get("PORT", "5000")), app, threaded=True)
    print(f"listening on http://127.0.0.1:{server.port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
