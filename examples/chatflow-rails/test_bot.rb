# frozen_string_literal: true

# What the bot shows of a turn, and what it does where there is none. With ChatFlow behind it, it is played by the suite
# `chatflow` of the conformance tests.

ENV["CHATFLOW_URL"] = "http://127.0.0.1:1/nobody" # nobody is there

require "minitest/autorun"
require "rack/mock"
require_relative "bot"

PICTURE = { "url" => "https://shop.example/latte.png", "width" => 720, "height" => 630 }.freeze
LINK = { "label" => "오시는 길", "url" => "https://shop.example/map" }.freeze

def turn(text = "", image: nil, link: nil, buttons: nil)
  keyboard = buttons ? { "type" => "buttons", "buttons" => buttons } : { "type" => "text" }
  { "message" => { "text" => text, "image" => image, "link" => link }.compact, "keyboard" => keyboard }
end

class ShownTest < Minitest::Test
  def test_kakao_gets_what_there_is
    whole = Turns.kakao(turn("라떼", image: PICTURE, link: LINK, buttons: %w[주문 취소]))
    assert_equal({ text: "라떼", photo: PICTURE, message_button: LINK }, whole[:message])
    assert_equal %w[주문 취소], whole[:keyboard]["buttons"]
    assert_equal({ text: "네" }, Turns.kakao(turn("네"))[:message])
  end

  def test_talktalk_gets_a_text_a_picture_or_a_card
    assert_equal({ event: "send", textContent: { text: "네" } }, Turns.talktalk(turn("네")))
    assert_equal({ imageUrl: PICTURE["url"] }, Turns.talktalk(turn(image: PICTURE))[:imageContent])
    card, = Turns.talktalk(turn("라떼", image: PICTURE, link: LINK)).dig(:compositeContent, :compositeList)
    assert_equal "라떼", card[:description]
    assert_equal LINK["url"], card.dig(:buttonList, 0, :data, :mobileUrl)
  end

  def test_a_long_label_comes_back_whole
    label = "상담원과 이야기하고 싶어요"
    reply, = Turns.talktalk(turn("네", buttons: [label])).dig(:textContent, :quickReply, :buttonList)
    assert_equal({ title: label.first(10), code: label }, reply[:data])
  end
end

class AskedTest < Minitest::Test
  def ask(method, path, body = {})
    Rack::MockRequest.new(Bot).request(method, path, input: body.to_json, "CONTENT_TYPE" => "application/json")
  end

  def test_the_platform_is_answered_whether_chatflow_is_there_or_not
    keyboard = ask("GET", "/keyboard")
    assert_equal ["application/json; charset=utf-8", Turns::HOME.to_json], [keyboard.content_type, keyboard.body]
    said = ask("POST", "/message", user_key: "Czs7H_QxuB00", type: "text", content: "안녕")
    assert_equal({ "text" => Turns::SORRY }, JSON.parse(said.body)["message"])
    [%w[POST /friend], %w[DELETE /friend/k.1], %w[DELETE /chat_room/k.1]].each do |method, path|
      assert_equal PlusFriendController::SUCCESS.to_json, ask(method, path, user_key: "k.1").body
    end
  end

  def test_talktalk_is_greeted_and_not_disturbed
    user = "al-2eGuGr5WQOnco1_V-FQ"
    opened = JSON.parse(ask("POST", "/talktalk", event: "open", user: user).body)
    assert_equal "처음으로", opened.dig("textContent", "quickReply", "buttonList", 0, "data", "code")
    words = { user: user, textContent: { text: "안녕" } }
    [{ event: "echo" }, { event: "friend" }, { event: "leave" }, { event: "send", standby: true }].each do |event|
      answer = ask("POST", "/talktalk", words.merge(event))
      assert_equal [200, ""], [answer.status, answer.body]
    end
  end
end
