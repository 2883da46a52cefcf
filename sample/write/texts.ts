/** Readmes and change histories: text that resembles real ones and compresses like them. */
import { formatDate } from '../plan/calendar.ts'
import { describeMachine, type MachineType } from '../plan/machine-types.ts'
import { createRandom, type Random } from '../random.ts'

/** The facts about a package in its texts. */
export interface TextSubject {
  readonly fixid: string
  readonly title: string
  readonly version: string
  readonly build: string
  readonly severity: string
  readonly releasedAt: number
  readonly machines: readonly MachineType[]
  readonly requisites: readonly string[]
}

const SUBJECTS = [
  'the management controller',
  'the adapter',
  'the boot loader',
  'the host operating system',
  'the sensor data record',
  'the event log',
  'the redundant image',
  'a drive behind the controller',
  'the network port',
  'the update process'
]
const VERBS = [
  'may report an incorrect state',
  'can stop responding',
  'did not keep its settings',
  'logs a misleading event',
  'returned an unexpected status code',
  'was not detected',
  'took longer than expected to restart',
  'now accepts longer names'
]
const CIRCUMSTANCES = [
  'after an AC power cycle',
  'when several sessions are open',
  'during a firmware update over the network',
  'with a full event log',
  'if the system was configured by a script',
  'under heavy input and output load',
  'when an older level is installed',
  'in a chassis with mixed nodes'
]
const ACTIONS = [
  'Fixed an issue where',
  'Corrected a problem in which',
  'Resolved a rare condition where',
  'Improved handling when'
]
const ENHANCEMENTS = [
  'Updated the open source components.',
  'Added support for new memory modules.',
  'Improved the security of remote sessions.',
  'Added new inventory properties.',
  'Updated the microcode.',
  'Raised the minimum level of TLS.'
]
const HEADINGS = [
  'INSTALLATION INSTRUCTIONS',
  'LIMITATIONS',
  'KNOWN ISSUES AND WORKAROUNDS',
  'CONFIGURATION INFORMATION',
  'UNATTENDED MODE',
  'TROUBLESHOOTING'
]

function sentence(random: Random): string {
  return `${random.pick(ACTIONS)} ${random.pick(SUBJECTS)} ${random.pick(VERBS)} ${random.pick(CIRCUMSTANCES)}.`
}

/** A readme of about `bytes` bytes. */
export function renderReadme(subject: TextSubject, bytes: number): string {
  const random = createRandom(`readme/${subject.fixid}`)
  const lines = [
    subject.title,
    '='.repeat(subject.title.length),
    '',
    `Version ${subject.version || subject.build}`,
    `Release date ${formatDate(subject.releasedAt)}`,
    `Package ${subject.fixid}`,
    '',
    'This is synthetic test data. It is not firmware and must not be given to hardware.',
    '',
    'SUPPORTED SYSTEMS',
    ...subject.machines.map((machine) => `  - ${describeMachine(machine)}`),
    '',
    'DEPENDENCIES',
    ...(subject.requisites.length === 0 ? ['  None'] : subject.requisites.map((fixid) => `  - ${fixid}`))
  ]
  return fill(lines, bytes, () => [
    '',
    random.pick(HEADINGS),
    ...Array.from({ length: 6 }, () => `  ${sentence(random)}`)
  ])
}

/** A change history of about `bytes` bytes; its first lines contain title, version and machines. */
export function renderChangeHistory(subject: TextSubject, bytes: number): string {
  const random = createRandom(`changes/${subject.fixid}`)
  const lines = [
    `${subject.title} Change History`,
    `Version: ${subject.version || subject.build}`,
    `Supported On: ${subject.machines.map(({ type }) => type).join(', ')}`,
    `Problem severity: ${subject.severity}`
  ]
  let age = 0
  return fill(lines, bytes, () => {
    const date = formatDate(subject.releasedAt - age++ * 63 * 24 * 60 * 60)
    const fixes = Array.from({ length: random.integer(1, 5) }, () => `  - ${sentence(random)}`)
    return [
      '',
      `${date} (level -${age})`,
      'Enhancements:',
      `  - ${random.pick(ENHANCEMENTS)}`,
      'Problems fixed:',
      ...fixes
    ]
  })
}

/** The readme as HTML: V3 packages have both forms. */
export function renderHtml(subject: TextSubject, readme: string): string {
  const text = readme.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>${subject.title}</title></head>\n<body><pre>\n${text}</pre></body></html>\n`
}

/** Adds the lines of further sections until the text is long enough. */
function fill(head: readonly string[], bytes: number, section: () => string[]): string {
  const lines = [...head]
  let length = lines.reduce((sum, line) => sum + line.length + 1, 0)
  for (let queue = section(); length < bytes; ) {
    const line = queue.shift()
    if (line === undefined) {
      queue = section()
    } else {
      lines.push(line)
      length += line.length + 1
    }
  }
  return `${lines.join('\n')}\n`
}
