#!/bin/sh
# Makes the secrets of a new cluster, each in a file of its own: deploy/secrets.sh FOLDER [POSTGRES-HOST [NATS-HOST]]
# Files that are there stay as they are. Nothing is printed.
set -eu
umask 022

folder=${1:?usage: secrets.sh FOLDER [POSTGRES-HOST [NATS-HOST]]}
postgres=${2:-postgres}
nats=${3:-nats}

mkdir -p "$folder"
# The folder keeps others out. The files themselves must be readable to the containers' users, as
# which compose mounts them unchanged.
chmod 0700 "$folder"
cd "$folder"

# Letters and digits alone: they stand in URLs and in a configuration file.
random() { openssl rand -hex 24; }
put() { [ -s "$1" ] || { printf '%s\n' "$2" >"$1.part" && mv "$1.part" "$1"; }; }

# Seals what must be read back; every node has the same. Without it tokens and callback paths die.
put instance-key "$(openssl rand -base64 32)"
put postgres-password "$(random)"
put nats-password "$(random)"
put store-url "postgres://maru:$(cat postgres-password)@$postgres:5432/maru"
put hints-url "nats://maru:$(cat nats-password)@$nats:4222"
put nats-auth.conf "authorization { user: maru, password: \"$(cat nats-password)\" }"
