package main

import (
	"fmt"

	"github.com/amoimport/amoimport/internal/config"
	"github.com/spf13/cobra"
)

func newInit(e env) *cobra.Command {
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a commented configuration to fill in",
		Args:  noWords,
	}
	path := c.Flags().StringP("output", "o", defaultConfig, "the `file` to write; one that is there is left as it is")
	c.RunE = func(*cobra.Command, []string) error {
		if err := config.Write(*path); err != nil {
			return &fault{problem: err.Error(), hint: "Name another file with -o, in a folder that you may write to.", err: err}
		}
		flag := ""
		if *path != defaultConfig {
			flag = " -c " + *path
		}
		fmt.Fprintf(e.out, `Wrote %[1]s. Next:

  1. Fill in what it marks as required, and put the secrets into the environment:
     %[3]s, %[4]s, %[5]s,
     and %[6]s unless the ledger is the one of docker-compose.yml.
  2. To try it first: amoimport sandbox, with the lines that it prints in place of the account's.
  3. If the channel was never connected to the account: amoimport connect%[2]s
  4. amoimport run%[2]s
     It can be stopped at any moment; the same command goes on where it was.
`, *path, flag, config.EnvSourceDSN, config.EnvToken, config.EnvChannelSecret, config.EnvLedgerDSN)
		return nil
	}
	return c
}
