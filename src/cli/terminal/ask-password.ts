/** Reads a password from standard input or from the terminal. */
import { CommandError, EXIT, interrupted, refuseUsage } from './exit.ts'

const MAX_BYTES = 4_096

/** Reads the first line of standard input. @param option the one that was given, for the sentence */
export async function readPasswordLine(option = '--password-stdin'): Promise<string> {
  let text = ''
  process.stdin.setEncoding('utf8')
  for await (const chunk of process.stdin) {
    text += chunk
    if (text.includes('\n') || text.length > MAX_BYTES) break
  }
  const [line = ''] = text.split(/\r?\n/, 1)
  if (line === '') refuseUsage(`With ${option} the password must be the first line of standard input.`)
  return line
}

/** Prompts at the terminal without echo. @throws CommandError (not allowed) without a terminal */
export async function askPassword(user: string, what = 'Password'): Promise<string> {
  const { stdin, stderr } = process
  if (!stdin.isTTY || !stderr.isTTY) {
    throw new CommandError(
      EXIT.notAllowed,
      'PASSWORD_MISSING',
      `${what} of ${user}: there is no terminal to read it from.`,
      'Set FIXDEPOT_PASSWORD, or give --password-stdin; for a new password --new-password-stdin.'
    )
  }
  // Before the prompt, so that characters that are typed at once are not echoed either.
  stdin.setRawMode(true).setEncoding('utf8')
  stderr.write(`${what} of ${user}: `)
  try {
    return await readHidden(stdin)
  } finally {
    stdin.setRawMode(false).pause()
    stderr.write('\n')
  }
}

async function readHidden(stdin: NodeJS.ReadStream): Promise<string> {
  let password = ''
  for await (const keys of stdin.iterator({ destroyOnReturn: false }) as AsyncIterable<string>) {
    for (const key of keys) {
      if (key === '\r' || key === '\n') return password
      // In raw mode, Ctrl-C and Ctrl-D are characters, not signals.
      if (key === '\u0003' || key === '\u0004') throw interrupted()
      if (key === '\u007f' || key === '\b') password = [...password].slice(0, -1).join('')
      else password += key
    }
  }
  return password
}
