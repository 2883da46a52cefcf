import { Argument, type Command } from 'commander'
import { print } from '../output/output.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const

/** `fixdepot completion SHELL`: made from the program itself, so that it knows every verb and every option. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('write a completion script, such as for: source <(fixdepot completion bash)')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action(async (shell: (typeof SHELLS)[number]) => {
      const { completionScript } = await import('../output/completion-script.ts')
      print(completionScript(program, shell).trimEnd())
    })
}
