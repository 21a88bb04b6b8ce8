// Package bench measures the program: it starts the real server and the yardstick beside it as processes of their own, plays WeChat
// and the phones against both in turn, checks every answer and tells what came of it. What is measured, and how, stands in
// docs/performance.md.
package bench
