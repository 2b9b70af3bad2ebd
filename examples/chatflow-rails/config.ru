# frozen_string_literal: true

require_relative "bot"

run Bot
