"""Says of each line of standard input, {"secret", "signature", "body_base64"}, whether the signature is genuine."""

import base64
import hashlib
import hmac
import json
import sys


def is_genuine(body: bytes, signature: str, secret: str) -> bool:
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    # As bytes, because compare_digest raises on text that is not ASCII.
    return hmac.compare_digest(signature.encode(), expected.encode())


for line in sys.stdin:
    case = json.loads(line)
    genuine = is_genuine(base64.b64decode(case["body_base64"]), case["signature"], case["secret"])
    print("valid" if genuine else "invalid", flush=True)
