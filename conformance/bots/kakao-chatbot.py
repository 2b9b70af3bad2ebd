"""A bot written with the PyPI package kakao-chatbot, and a judge of what Maru says in Kakao's words.

As a bot it takes Bot Framework activities, reads the payload that Maru hands on in `channelData.kakao` with the package, and
answers in Kakao's own words, which Maru has to send as they are. As a judge (POST /check, POST /event) it builds what it is
given again with the package's classes: what comes out must be what went in.
"""

import json
import os
import re
import urllib.request

from flask import Flask, request
from kakao_chatbot import Payload
from kakao_chatbot.context import Context
from kakao_chatbot.event import EventAPI, EventUser
from kakao_chatbot.response import KakaoResponse, QuickReply
from kakao_chatbot.response import components as kakao
from werkzeug.serving import make_server

app = Flask(__name__)
app.json.ensure_ascii = False


def arguments(members):
    """A JSON object's members as a constructor of the package names them."""
    return {re.sub(r"[A-Z]", lambda at: "_" + at[0].lower(), name): value for name, value in members.items()}


def thumbnail(members):
    # Kakao added altText after the package was written.
    given = arguments({name: value for name, value in members.items() if name != "altText"})
    if "link" in given:
        given["link"] = kakao.Link(**given["link"])
    return kakao.Thumbnail(**given)


def card(kind, members):
    given = arguments(members)
    if "buttons" in given:
        given["buttons"] = [kakao.Button(**arguments(button)) for button in given["buttons"]]
    if kind == "textCard":
        return kakao.TextCardComponent(**given)
    return kakao.BasicCardComponent(**{**given, "thumbnail": thumbnail(given["thumbnail"])})


def component(output):
    ((kind, members),) = output.items()
    if kind == "simpleText":
        return kakao.SimpleTextComponent(**members)
    if kind == "simpleImage":
        return kakao.SimpleImageComponent(**arguments(members))
    if kind == "carousel":
        return kakao.CarouselComponent(*(card(members["type"], item) for item in members["items"]))
    return card(kind, members)


@app.post("/check")
def check():
    given = request.get_json()
    template = given["template"]
    contexts = given.get("context", {}).get("values", [])
    built = KakaoResponse(
        component_list=[component(output) for output in template["outputs"]],
        quick_replies=[QuickReply(**arguments(reply)) for reply in template.get("quickReplies", [])],
        contexts=[
            Context(one["name"], one["lifeSpan"], one.get("ttl"), one.get("params")) for one in contexts
        ],
        data=given.get("data"),
    )
    return built.get_dict()


@app.post("/event")
def event():
    given = request.get_json()
    users = [EventUser(user["type"], user["id"]) for user in given["body"]["user"]]
    said = given["body"]["event"]
    built = EventAPI(given["bot"], given["key"], said["name"], users, data=said.get("data"))
    return {"url": built.url, "headers": built.headers, "body": built.body}


def menu():
    """One of each output that Maru does not make itself."""
    item = kakao.ItemCardComponent(
        [kakao.Item("메뉴", "백반"), kakao.Item("수량", "1")], title="주문", head="주문 내역"
    )
    goods = kakao.CommerceCardComponent(
        9_000, kakao.Thumbnail("https://x.example/bab.png"), title="백반", description="오늘의 밥", currency="won"
    )
    places = kakao.ListCardComponent(
        "식당", [kakao.ListItem("백반집", "걸어서 5분"), kakao.ListItem("분식집", "걸어서 9분")]
    )
    places.add_button("더 보기", "message", message_text="더 보기")
    answer = KakaoResponse([item, goods, places], [QuickReply("처음으로", "message", "처음으로")])
    answer.add_context("order", 3, 60, {"menu": "1"})
    answer.data = {"left": "2"}
    return answer.get_dict()


def report(payload):
    """What the package reads of what Maru hands on."""
    user = payload.user_request.user
    seen = {
        "user": payload.user_id,
        "key": user.properties.plusfriend_user_key,
        "utterance": payload.utterance,
        "block": payload.user_request.block["name"],
        "trigger": payload.flow.trigger.type.value,
        "contexts": [context.name for context in payload.contexts],
        "params": payload.params,
        "origin": payload.detail_params["menu"].origin,
        "callback": payload.user_request.callback_url,
    }
    return KakaoResponse([kakao.SimpleTextComponent(json.dumps(seen, ensure_ascii=False))]).get_dict()


def hero(name, image):
    """A card in nobody's words: Maru has to put it into Kakao's."""
    content = {
        "title": name,
        "text": f"{name} 한 그릇. " * 12,
        "buttons": [
            {"type": "imBack", "title": "주문하기", "value": f"order {name}"},
            {"type": "openUrl", "title": "가게에서 보기 (새 창으로 열기)", "value": "https://x.example/"},
            {"type": "call", "title": "전화", "value": "tel:02-123-4567"},
        ],
    }
    if image:
        content["images"] = [{"url": f"https://x.example/{name}.png", "alt": name}]
    return {"contentType": "application/vnd.microsoft.card.hero", "content": content}


def cards(image):
    shown = [hero(name, image) for name in ("kimbap", "ramyeon")]
    return {"type": "message", "attachmentLayout": "carousel", "attachments": shown}


def native(answer):
    template = answer["template"]
    own = {"outputs": template["outputs"], "quickReplies": template.get("quickReplies", [])}
    own.update({name: answer[name] for name in ("context", "data") if name in answer})
    return {"type": "message", "text": "in other words", "channelData": {"kakao": own}}


def answer_to(activity):
    match activity["text"]:
        case "cards":
            return cards(image=True)
        case "words":
            return cards(image=False)
        case "menu":
            return native(menu())
        case text if text.startswith("order "):
            return {"type": "message", "text": text}
    return native(report(Payload.from_dict(activity["channelData"]["kakao"])))


@app.get("/menu")
def own_menu():
    return menu()


@app.post("/api/messages")
def messages():
    activity = request.get_json()
    if activity["type"] != "message":
        return "", 200
    said = answer_to(activity)
    conversation, base = activity["conversation"]["id"], activity["serviceUrl"].rstrip("/")
    url = f"{base}/v3/conversations/{conversation}/activities/{activity['id']}"
    call = urllib.request.Request(url, json.dumps(said).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(call):
        return "", 200


if __name__ == "__main__":
    server = make_server("127.0.0.1", int(os.environ.get("PORT", "5000")), app, threaded=True)
    print(f"listening {server.port}", flush=True)
    server.serve_forever()
