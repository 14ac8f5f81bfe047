// Says of each line of standard input, {"secret", "signature", "body_base64"}, whether the signature is genuine.

const crypto = require('node:crypto');
const readline = require('node:readline');

function isGenuine(body, signature, secret) {
  const expected = crypto.createHmac('sha256', secret).update(body).digest('hex');
  const given = Buffer.from(signature);
  // timingSafeEqual throws when the lengths differ, which a forged header can make them do.
  return given.length === expected.length && crypto.timingSafeEqual(given, Buffer.from(expected));
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { secret, signature, body_base64: body } = JSON.parse(line);
  console.log(isGenuine(Buffer.from(body, 'base64'), signature, secret) ? 'valid' : 'invalid');
});
