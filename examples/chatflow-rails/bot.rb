# frozen_string_literal: true

ENV["RAILS_ENV"] ||= "production"

require "logger"
require "action_controller/railtie"
require_relative "chatflow"

# A bot for KakaoTalk's Plus Friend and for Naver TalkTalk that keeps nothing itself: ChatFlow knows where each user is in
# the scenario, and what to say next.
#
# It believes whoever calls it, as both platforms do: keep it on the loopback interface or in a private network.
class Bot < Rails::Application
  config.root = __dir__
  config.eager_load = false
  config.api_only = true
  config.logger = Logger.new($stderr)
  config.log_level = :warn # what is below tells what users say
  config.secret_key_base = SecureRandom.hex # nothing is signed with it
  config.consider_all_requests_local = false

  routes.append do
    get "keyboard", to: "plus_friend#keyboard"
    post "message", to: "plus_friend#message"
    post "friend", to: "plus_friend#friend"
    # Rails would take what stands behind a dot for a format.
    constraints(user_key: %r{[^/]+}) do
      delete "friend/:user_key", to: "plus_friend#gone"
      delete "chat_room/:user_key", to: "plus_friend#gone"
    end
    post "talktalk", to: "talk_talk#event"
  end
end

# What both messengers are answered with.
module Turns
  # Before the first word there is no turn. Every scenario should know the way back to its beginning.
  HOME = { type: "buttons", buttons: ["처음으로"] }.freeze
  TYPING = { type: "text" }.freeze
  WELCOME = "안녕하세요! 아래를 누르거나 무엇이든 말씀해 주세요."
  WORDS_ONLY = "여기서는 글로 말씀해 주세요."
  SORRY = "지금은 답해 드릴 수 없습니다. 잠시 뒤에 다시 말씀해 주세요."

  # ChatFlow's code for a picture where words are asked for.
  WRONG_KIND = 400

  module_function

  # The turn that answers a user; one of our own if there is none.
  def say(user_key, content, kind = "text")
    turn = ChatFlow.message(user_key, content, kind)
    # No human sits behind this bot: the scenario goes on as it does when nobody comes.
    turn = ChatFlow.nobody_came(user_key) if turn.key?("handoff") || turn["messages"].empty?
    turn
  rescue ChatFlow::Error => error
    return own(WORDS_ONLY) if error.code == WRONG_KIND

    note(error)
    own(SORRY)
  end

  def own(text, keyboard = TYPING)
    { message: { text: text, image: nil }, keyboard: keyboard }.deep_stringify_keys
  end

  def forget(user_key)
    ChatFlow.forget(user_key)
  rescue ChatFlow::Error => error
    note(error)
  end

  # Nothing more is said of it: an address would tell who the user is.
  def note(error)
    Rails.logger.warn("ChatFlow: #{error.message}")
  end

  # A turn as Plus Friend shows it. ChatFlow's keyboards, pictures and links are made like Kakao's.
  def kakao(turn)
    bubble = turn["message"]
    parts = { text: bubble["text"], photo: bubble["image"], message_button: bubble["link"] }
    { message: parts.compact_blank, keyboard: turn["keyboard"] }
  end

  # A turn as TalkTalk shows it: a text, a picture, or a card, with at most ten quick replies.
  def talktalk(turn)
    text, image, link = turn["message"].values_at("text", "image", "link")
    quick = quick_replies(turn["keyboard"]["buttons"] || [])
    return { event: "send", textContent: { text: text, **quick } } unless image || link
    return { event: "send", imageContent: { imageUrl: image["url"], **quick } } if text.blank? && !link

    { event: "send", compositeContent: { compositeList: [card(text, image, link)], **quick } }
  end

  # A title has room for ten characters; the code is what comes back.
  def quick_replies(labels)
    replies = labels.first(10).map { |label| { type: "TEXT", data: { title: label.first(10), code: label } } }
    replies.empty? ? {} : { quickReply: { buttonList: replies } }
  end

  def card(text, image, link)
    card = { description: text.presence || link["label"] }
    card[:image] = { imageUrl: image["url"] } if image
    if link
      data = { title: link["label"].first(18), url: link["url"], mobileUrl: link["url"] }
      card[:buttonList] = [{ type: "LINK", data: data }]
    end
    card
  end
end

# What KakaoTalk's auto reply platform calls.
class PlusFriendController < ActionController::API
  SUCCESS = { code: 0, message: "SUCCESS" }.freeze

  def keyboard
    render json: Turns::HOME
  end

  def message
    user_key, content, kind = params.require(%i[user_key content type])
    render json: Turns.kakao(Turns.say("kakao-#{user_key}", content, kind))
  end

  def friend
    render json: SUCCESS
  end

  def gone
    Turns.forget("kakao-#{params[:user_key]}")
    render json: SUCCESS
  end
end

# What TalkTalk's webhook says.
class TalkTalkController < ActionController::API
  def event
    user_key = "talktalk-#{params[:user]}"
    case params[:event]
    when "send" then answer(user_key)
    when "open" then render json: Turns.talktalk(Turns.own(Turns::WELCOME, Turns::HOME))
    when "leave"
      Turns.forget(user_key)
      head :ok
    else head :ok
    end
  end

  private

  def answer(user_key)
    words, picture = params.values_at(:textContent, :imageContent)
    # What is said while a human has the conversation is not for a bot to answer.
    if params[:standby] || !(words || picture)
      head :ok
    else
      said = words ? [words[:code].presence || words[:text]] : [picture[:imageUrl], "photo"]
      render json: Turns.talktalk(Turns.say(user_key, *said))
    end
  end
end

Bot.initialize!
