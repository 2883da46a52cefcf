import type { Command } from 'commander'
import type { CliContext } from '../client/client-command.ts'
import { EXIT } from '../exit.ts'
import { print } from '../output/output.ts'

/**
 * `fixdepot health`: on the machine of the server. It loads nothing of the server: container engines run it every few
 * seconds.
 */
export function addHealth(program: Command, { exit }: CliContext): void {
  program
    .command('health')
    .description('ask the server of these settings, on this machine, whether it is ready')
    .addHelpText('after', '\nExit code 0: ready, 1: not ready, or no answer.')
    .action(async () => {
      const { probeHealth } = await import('../probe-health.ts')
      const { isReady, text } = await probeHealth()
      print(text)
      if (!isReady) exit(EXIT.failed)
    })
}
