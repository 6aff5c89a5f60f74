#!/usr/bin/env python3
"""Signed calls with other people's keys, for tests and the demo: a TC3-HMAC-SHA256 signer that is not the project's own.

    ... | tc3.py URL [options] ACTION...

Standard input holds JSON objects with the members "id" and "secret" (what a sealed credential holds), one behind the
other.  For each of them every ACTION is called once.  Secrets come by standard input only and are never printed; an answer
is printed as "ID ACTION CODE", CODE being "ok" or the error code, or with --json as the Response itself.

    --until-refused SECONDS   repeat until the key itself is refused (not only what it may do), then print
                              "ID ACTION CODE MILLISECONDS", the last being the moment (since 1970) of the refusal
    --json                    print answers
    --body JSON               the parameters, default {}
    --ca FILE                 https: trust these certificates; URL says where to connect, the names stay the cloud's
    --region REGION           default ap-shanghai
"""
import argparse
import datetime
import hashlib
import hmac
import http.client
import json
import socket
import ssl
import sys
import time
import urllib.parse

ACTIONS = {
    "GetCallerIdentity": ("sts", "2018-08-13"),
    "DescribeEnvs": ("tcb", "2018-06-08"),
    "GetUser": ("cam", "2019-01-16"),
    "ListUsers": ("cam", "2019-01-16"),
    "AddUser": ("cam", "2019-01-16"),
    "UpdateUser": ("cam", "2019-01-16"),
    "DeleteUser": ("cam", "2019-01-16"),
    "ListAccessKeys": ("cam", "2019-01-16"),
    "GetSecurityLastUsed": ("cam", "2019-01-16"),
    "CreateAccessKey": ("cam", "2019-01-16"),
    "AttachUserPolicy": ("cam", "2019-01-16"),
    "DeleteUserPermissionsBoundary": ("cam", "2019-01-16"),
    "CreateGroup": ("cam", "2019-01-16"),
    "AddUserToGroup": ("cam", "2019-01-16"),
    "AttachGroupPolicy": ("cam", "2019-01-16"),
    "UpdatePolicy": ("cam", "2019-01-16"),
    "CreateEnv": ("tcb", "2018-06-08"),
    "CreateApiKey": ("tcb", "2018-06-08"),
    "DescribeInstances": ("lighthouse", "2020-03-24"),
}


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def sign(credential, service, host, body, now):
    date = datetime.datetime.fromtimestamp(now, datetime.timezone.utc).strftime("%Y-%m-%d")
    headers = f"content-type:application/json; charset=utf-8\nhost:{host}\n"
    request = "\n".join(["POST", "/", "", headers, "content-type;host", hashlib.sha256(body).hexdigest()])
    scope = f"{date}/{service}/tc3_request"
    text = "\n".join(["TC3-HMAC-SHA256", str(now), scope, hashlib.sha256(request.encode()).hexdigest()])
    key = mac(mac(mac(("TC3" + credential["secret"]).encode(), date), service), "tc3_request")
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return f"TC3-HMAC-SHA256 Credential={credential['id']}/{scope}, SignedHeaders=content-type;host, Signature={signature}"


class Tls(http.client.HTTPSConnection):
    """Connects to the given place; name and certificate are those of the host."""

    def __init__(self, place, host, context):
        super().__init__(host, context=context, timeout=20)
        self.place = place
        self.tls = context

    def connect(self):
        plain = socket.create_connection(self.place, self.timeout)
        self.sock = self.tls.wrap_socket(plain, server_hostname=self.host)


class Cloud:
    def __init__(self, options):
        self.url = urllib.parse.urlsplit(options.url)
        self.ca = options.ca
        self.region = options.region
        self.kept = {}

    def connection(self, host):
        if host not in self.kept:
            place = (self.url.hostname, self.url.port)
            if self.url.scheme == "https":
                self.kept[host] = Tls(place, host, ssl.create_default_context(cafile=self.ca))
            else:
                self.kept[host] = http.client.HTTPConnection(*place, timeout=20)
        return self.kept[host]

    def call(self, credential, action, body=b"{}"):
        service, version = ACTIONS[action]
        host = f"{service}.tencentcloudapi.com"
        now = int(time.time())
        headers = {
            "Host": host,
            "Content-Type": "application/json; charset=utf-8",
            "Authorization": sign(credential, service, host, body, now),
            "X-TC-Action": action,
            "X-TC-Version": version,
            "X-TC-Timestamp": str(now),
            "X-TC-Region": self.region,
        }
        connection = self.connection(host)
        try:
            connection.request("POST", "/", body, headers)
            return json.loads(connection.getresponse().read())["Response"]
        except (OSError, http.client.HTTPException):
            # A kept connection may have been closed meanwhile: these are reading calls, once more on a new one.
            connection.close()
            connection.request("POST", "/", body, headers)
            return json.loads(connection.getresponse().read())["Response"]


def code_of(answer):
    return answer.get("Error", {}).get("Code", "ok")


def key_refused(code):
    """The key itself, not what it may do."""
    return code.startswith("AuthFailure") and code != "AuthFailure.UnauthorizedOperation"


def until_refused(cloud, credential, action, seconds):
    end = time.time() + seconds
    while True:
        code = code_of(cloud.call(credential, action))
        now = time.time()
        if key_refused(code):
            return code, int(now * 1000)
        if now > end:
            return code, 0
        time.sleep(0.01)


def credentials(text):
    decoder, at = json.JSONDecoder(), 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        credential, at = decoder.raw_decode(text, at)
        yield credential


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("url")
    parser.add_argument("action", nargs="+", choices=sorted(ACTIONS))
    parser.add_argument("--until-refused", type=float)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--body", default="{}")
    parser.add_argument("--ca")
    parser.add_argument("--region", default="ap-shanghai")
    options = parser.parse_args()
    cloud = Cloud(options)
    calls = 0
    for credential in credentials(sys.stdin.read()):
        for action in options.action:
            calls += 1
            if options.until_refused:
                code, when = until_refused(cloud, credential, action, options.until_refused)
                print(credential["id"], action, code, when, flush=True)
                continue
            answer = cloud.call(credential, action, options.body.encode())
            if options.json:
                print(json.dumps(answer, ensure_ascii=False))
            else:
                print(credential["id"], action, code_of(answer))
    if not calls:
        sys.exit("tc3.py: no credential came in")


if __name__ == "__main__":
    main()
