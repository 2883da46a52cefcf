/** The door: a server loads nothing of what the other commands need, and they nothing of a server. */

/**
 * Runs the command that the arguments name; without any it is the server.
 * @param args without the program itself
 */
export async function runCommand(args: readonly string[]): Promise<void> {
  const [command = 'serve', ...others] = args
  if (command === 'serve' && others.length === 0) {
    await (await import('./server/serve.ts')).serve()
    return
  }
  const { runProgram } = await import('./cli/program.ts')
  process.exitCode = await runProgram(args, process.env)
}
