# frozen_string_literal: true

require "erb"
require "json"
require "net/http"

# Asks ChatFlow what to say next to a user. The two ids are secrets: they come from the environment.
module ChatFlow
  BASE = URI(ENV.fetch("CHATFLOW_URL", "http://127.0.0.1:8080/chatflow/api/v1"))
  HEADERS = {
    "Content-Type" => "application/json",
    "X-ChatFlow-Client-Id" => ENV.fetch("CHATFLOW_CLIENT_ID", ""),
    "X-ChatFlow-App-Id" => ENV.fetch("CHATFLOW_APP_ID", "")
  }.freeze

  # A turn takes 3.5 s at most, and a messenger waits 5 s for all of it.
  TIMEOUTS = { open_timeout: 1, write_timeout: 1, read_timeout: 4, max_retries: 0 }.freeze

  # There is no turn: ChatFlow cannot be asked, or says no with a code.
  class Error < StandardError
    attr_reader :code

    def initialize(cause, code = nil)
      super("#{cause} #{code}".strip)
      @code = code
    end
  end

  module_function

  # The turn that answers what the user said.
  def message(user_key, content, kind = "text")
    call(Net::HTTP::Post, "/message", user_key: user_key, content: content, type: kind)
  end

  # The turn that goes on where the scenario handed the user to a human, and there is none.
  def nobody_came(user_key)
    call(Net::HTTP::Post, "/resume", user_key: user_key, served: false)
  end

  # Forgets the user, and all that they said.
  def forget(user_key)
    call(Net::HTTP::Delete, "/users/#{ERB::Util.url_encode(user_key)}/state")
  rescue Error => error
    raise unless error.code == 302 # nothing was known of them
  end

  def call(method, path, fields = nil)
    request = method.new(BASE.path + path, HEADERS)
    # Joined: one bubble for a messenger that shows one, with all texts, the first picture, the first link.
    request.body = fields.merge(joined: true).to_json if fields
    secure = BASE.scheme == "https"
    answer = Net::HTTP.start(BASE.host, BASE.port, use_ssl: secure, **TIMEOUTS) { |http| http.request(request) }
    body = JSON.parse(answer.body)
    raise Error.new("refused", body["code"]) unless answer.is_a?(Net::HTTPSuccess)

    body
  rescue SystemCallError, IOError, Timeout::Error, OpenSSL::SSL::SSLError, Net::ProtocolError, JSON::ParserError => error
    raise Error, error.class
  end
end
