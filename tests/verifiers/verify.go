// Says of each line of standard input, {"secret", "signature", "body_base64"}, whether the signature is genuine.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

type delivery struct {
	Secret    string `json:"secret"`
	Signature string `json:"signature"`
	Body      []byte `json:"body_base64"`
}

func isGenuine(body []byte, signature, secret string) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	expected := hex.EncodeToString(mac.Sum(nil))
	return hmac.Equal([]byte(signature), []byte(expected))
}

func main() {
	cases := json.NewDecoder(os.Stdin)
	for {
		var one delivery
		if err := cases.Decode(&one); err == io.EOF {
			return
		} else if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if isGenuine(one.Body, one.Signature, one.Secret) {
			fmt.Println("valid")
		} else {
			fmt.Println("invalid")
		}
	}
}
