/** Where a password comes from that is neither in the environment nor in the profile: standard input, or whoever sits in front of it. */
import { CommandError, EXIT, interrupted, refuseUsage } from './exit.ts'

const MAX_BYTES = 4_096

/** The first line of standard input. */
export async function readPasswordLine(): Promise<string> {
  let text = ''
  process.stdin.setEncoding('utf8')
  for await (const chunk of process.stdin) {
    text += chunk
    if (text.includes('\n') || text.length > MAX_BYTES) break
  }
  const [line = ''] = text.split(/\r?\n/, 1)
  if (line === '') refuseUsage('With --password-stdin the password must be the first line of standard input.')
  return line
}

/** Asks for it at the terminal, without showing it. @throws CommandError (not allowed) where there is no terminal */
export async function askPassword(user: string): Promise<string> {
  const { stdin, stderr } = process
  if (!stdin.isTTY || !stderr.isTTY) {
    throw new CommandError(
      EXIT.notAllowed,
      'PASSWORD_MISSING',
      `There is no password for ${user}.`,
      'Set FIXDEPOT_PASSWORD, or give --password-stdin.'
    )
  }
  stderr.write(`Password of ${user}: `)
  stdin.setRawMode(true).setEncoding('utf8')
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
