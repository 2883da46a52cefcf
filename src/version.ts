import fs from 'node:fs'

/** The version of this program, as package.json has it. */
export function readVersion(): string {
  const file = new URL(import.meta.filename.endsWith('.ts') ? '../package.json' : '../../package.json', import.meta.url)
  return JSON.parse(fs.readFileSync(file, 'utf8')).version
}
