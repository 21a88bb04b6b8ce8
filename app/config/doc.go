// Package config turns the settings of the command line and the environment into values that are known to be good, and
// explains what is wrong with them: all problems at once, each with what to do. Only main imports it.
//
// Parsing has two steps. Kong fills a struct of raw texts (Serve, Store, Folder or Sandbox, whichever the command needs),
// because kong stops at the first value it dislikes. Then the struct's method checks all of them together.
package config
