/** Writes docs/configuration.md and .env.example from the schema of the settings: `npm run docs:config`. */
import fs from 'node:fs'
import path from 'node:path'
import { type DocumentedSetting, SETTING_GROUPS } from '../src/config/schema.ts'

const ROOT = path.join(import.meta.dirname, '..')
const COMMENT_WIDTH = 120

const PREFACE = `# Configuration

<!-- Generated from src/config by \`npm run docs:config\`. -->

The server and the commands that work on its data read their settings from variables of the environment, and from a file
\`.env\` in the working directory. A variable of the environment takes precedence over the file. An empty value means the
default. [.env.example](../.env.example) lists all settings.

A name that begins with \`FIXDEPOT_\` and is neither here nor a setting of the command line
([command-line.md](command-line.md)) stops the start with exit code 1. In Kubernetes, set \`enableServiceLinks: false\`:
otherwise a service with the name \`fixdepot\` sets such variables.
`

const EXAMPLE_PREFACE = `# Copy to .env and change what you need. Every line shows the default, if there is a fixed one.
# A variable of the environment takes precedence over this file.
# docs/configuration.md says which operators change which setting, and why.
# Generated from src/config by \`npm run docs:config\`.
`

/** The text of docs/configuration.md. */
export function configurationPage(): string {
  const groups = Object.entries(SETTING_GROUPS).map(([title, settings]) =>
    [`## ${title}\n`, ...Object.entries(settings).map(([name, setting]) => section(name, setting))].join('\n')
  )
  return [PREFACE, ...groups].join('\n')
}

function section(name: string, { purpose, description, changedBy, unset = '', ...rest }: DocumentedSetting): string {
  const standard = rest.default === undefined ? unset : `\`${rest.default}\``
  return `### ${name}

${purpose}

- Default: ${standard}
- Value: ${description}
- Changed by: ${changedBy}
`
}

/** The text of .env.example. */
export function environmentExample(): string {
  const settings = Object.values(SETTING_GROUPS).flatMap((group) => Object.entries(group))
  return [EXAMPLE_PREFACE, ...settings.map(([name, setting]) => exampleOf(name, setting))].join('\n')
}

function exampleOf(name: string, { purpose, description, unset, ...rest }: DocumentedSetting): string {
  const without = unset === undefined ? '' : ` Default: ${unset}.`
  const comment = plain(`${purpose} Value: ${description}.${without}`)
  return `${wrap(comment)}\n#${name}=${rest.default ?? ''}\n`
}

/** Removes Markdown syntax; a link becomes the path of its page in docs/. */
function plain(markdown: string): string {
  return markdown.replace(/\[[^\]]*\]\(([^)#]*)[^)]*\)/g, 'docs/$1').replaceAll('`', '')
}

function wrap(text: string): string {
  const lines = ['#']
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? ''
    if (last.length + 1 + word.length > COMMENT_WIDTH) lines.push(`# ${word}`)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.join('\n')
}

if (import.meta.main) {
  fs.writeFileSync(path.join(ROOT, 'docs/configuration.md'), configurationPage())
  fs.writeFileSync(path.join(ROOT, '.env.example'), environmentExample())
}
