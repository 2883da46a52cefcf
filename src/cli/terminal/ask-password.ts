/**
 * Where a password comes from that is neither in the environment nor in the profile: standard input, or whoever sits in
 * front of it.
 */
import { CommandError, EXIT, interrupted, refuseUsage } from './exit.ts'

const MAX_BYTES = 4_096

/** The first line of standard input. @param option that asked for it, for the sentence */
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

/** Asks for it at the terminal, without showing it. @throws CommandError (not allowed) where there is no terminal */
export async function askPassword(user: string, what = 'Password'): Promise<string> {
  const { stdin, stderr } = process
  if (!stdin.isTTY || !stderr.isTTY) {
    throw new CommandError(
      EXIT.notAllowed,
      'PASSWORD_MISSING',
      `${what} of ${user}: there is no terminal to ask for it.`,
      'Set FIXDEPOT_PASSWORD, or give --password-stdin; for a new password --new-password-stdin.'
    )
  }
  // Before it is asked for: whoever types at once is not shown either.
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
      // In raw mode the terminal sends no signal.
      if (key === '\u0003' || key === '\u0004') throw interrupted()
      if (key === '\u007f' || key === '\b') password = [...password].slice(0, -1).join('')
      else password += key
    }
  }
  return password
}
