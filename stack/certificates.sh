#!/usr/bin/env bash
# Makes an authority of a site's own, and certificates for its pools: for TLS between services (grpcs://).
#
#   stack/certificates.sh FOLDER NAME[=HOST[,HOST]...]...
#
# writes FOLDER/ca.pem and ca.key, and for each NAME NAME.pem and NAME.key, good for the HOSTs (names or
# addresses; none: NAME, localhost, 127.0.0.1 and ::1), for serving and for calling. A pool is given ca.pem,
# NAME.pem and NAME.key; ca.key stays where certificates are made. What is there already stays: remove
# NAME.pem to have a new one, or all of FOLDER to begin anew. DAYS=365 is how long they are good.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[ $# -ge 2 ] || die "usage: stack/certificates.sh FOLDER NAME[=HOST[,HOST]...]..."
folder=$1
shift
umask 077
mkdir -p "$folder"

key() { [ -s "$1" ] || openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

authority() {
    [ ! -s "$folder/ca.pem" ] || return 0
    key "$folder/ca.key"
    openssl req -x509 -new -key "$folder/ca.key" -days 3650 -out "$folder/ca.pem" -config <(
        printf '%s\n' '[req]' 'distinguished_name = name' 'prompt = no' 'x509_extensions = own' '[name]' \
            'CN = DeepLink services' '[own]' 'basicConstraints = critical, CA:TRUE, pathlen:0' \
            'keyUsage = critical, keyCertSign, cRLSign' 'subjectKeyIdentifier = hash'
    )
}

# alternatives HOST,HOST…: as subjectAltName wants them.
alternatives() {
    local host hosts=() words=()
    IFS=, read -r -a hosts <<<"$1"
    for host in "${hosts[@]}"; do
        if [[ $host =~ ^[0-9.]+$ || $host == *:* ]]; then words+=("IP:$host"); else words+=("DNS:$host"); fi
    done
    (IFS=, && printf '%s' "${words[*]}")
}

certificate() {
    local name=${1%%=*} good_for=${1#*=}
    [ "$good_for" != "$1" ] || good_for=$name,localhost,127.0.0.1,::1
    [ ! -s "$folder/$name.pem" ] || return 0
    key "$folder/$name.key"
    openssl req -new -key "$folder/$name.key" -subj "/CN=$name" |
        openssl x509 -req -CA "$folder/ca.pem" -CAkey "$folder/ca.key" \
            -set_serial "0x$(openssl rand -hex 15)" -days "${DAYS:-365}" -out "$folder/$name.pem" -extfile <(
                printf '%s\n' 'basicConstraints = critical, CA:FALSE' \
                    'keyUsage = critical, digitalSignature' 'extendedKeyUsage = serverAuth, clientAuth' \
                    "subjectAltName = $(alternatives "$good_for")"
            ) 2>/dev/null
}

authority
for word in "$@"; do certificate "$word"; done
