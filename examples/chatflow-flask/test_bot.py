"""What the bot shows of a turn, and what it does where there is none. With ChatFlow behind it, it is played by the suite
`chatflow` of the conformance tests."""

import unittest

import bot
import chatflow

chatflow.URL = "http://127.0.0.1:1"  # nobody is there


def turn(text="", image=None, link=None, buttons=None):
    message = {"text": text, "image": image, **({"link": link} if link else {})}
    return {"message": message, "keyboard": {"type": "buttons", "buttons": buttons} if buttons else {"type": "text"}}


PICTURE = {"url": "https://shop.example/latte.png", "width": 720, "height": 630}
LINK = {"label": "오시는 길", "url": "https://shop.example/map"}


class Shown(unittest.TestCase):
    def test_kakao_gets_what_there_is(self):
        whole = bot.kakao(turn("라떼", PICTURE, LINK, ["주문", "취소"]))
        self.assertEqual(whole["message"], {"text": "라떼", "photo": PICTURE, "message_button": LINK})
        self.assertEqual(whole["keyboard"], {"type": "buttons", "buttons": ["주문", "취소"]})
        self.assertEqual(bot.kakao(turn("네")), {"message": {"text": "네"}, "keyboard": {"type": "text"}})

    def test_talktalk_gets_a_text_a_picture_or_a_card(self):
        self.assertEqual(bot.talktalk(turn("네")), {"event": "send", "textContent": {"text": "네"}})
        self.assertEqual(bot.talktalk(turn(image=PICTURE))["imageContent"], {"imageUrl": PICTURE["url"]})
        [card] = bot.talktalk(turn("라떼", PICTURE, LINK))["compositeContent"]["compositeList"]
        self.assertEqual(card["description"], "라떼")
        self.assertEqual(card["buttonList"][0]["data"]["mobileUrl"], LINK["url"])

    def test_a_long_label_comes_back_whole(self):
        label = "상담원과 이야기하고 싶어요"
        [reply] = bot.talktalk(turn("네", buttons=[label]))["textContent"]["quickReply"]["buttonList"]
        self.assertEqual(reply["data"], {"title": label[:10], "code": label})


class Asked(unittest.TestCase):
    def setUp(self):
        self.client = bot.app.test_client()

    def test_the_platform_is_answered_whether_chatflow_is_there_or_not(self):
        self.assertEqual(self.client.get("/keyboard").json, bot.HOME)
        heard = {"user_key": "Czs7H_QxuB00", "type": "text", "content": "안녕"}
        self.assertEqual(self.client.post("/message", json=heard).json["message"], {"text": bot.SORRY})
        for call, path in [("post", "/friend"), ("delete", "/friend/k.1"), ("delete", "/chat_room/k.1")]:
            self.assertEqual(getattr(self.client, call)(path, json={"user_key": "k.1"}).json, bot.SUCCESS)

    def test_talktalk_is_greeted_and_not_disturbed(self):
        opened = self.client.post("/talktalk", json={"event": "open", "user": "al-2eGuGr5WQOnco1_V-FQ"}).json
        self.assertEqual(opened["textContent"]["quickReply"]["buttonList"][0]["data"]["code"], "처음으로")
        words = {"textContent": {"text": "안녕"}, "user": "al-2eGuGr5WQOnco1_V-FQ"}
        for event in [{"event": "echo"}, {"event": "friend"}, {"event": "leave"}, {"event": "send", "standby": True}]:
            answer = self.client.post("/talktalk", json={**words, **event})
            self.assertEqual((answer.status_code, answer.data), (200, b""))


if __name__ == "__main__":
    unittest.main()
