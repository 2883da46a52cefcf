/** Converts product lines into packages with their names, sizes and requisites. */

import { createRandom, type Random } from '../random.ts'
import type { SizeClass } from '../size-classes.ts'
import type { Component, Container } from './components.ts'
import type { ProductLine } from './lines.ts'
import type { MachineType } from './machine-types.ts'

/** The style of the metadata file. `upper-case` applies to the extensions of all files of the package. */
export type Spelling = 'plain' | 'crlf' | 'bom' | 'utf16' | 'upper-case'

/** A package to write. */
export interface PackagePlan {
  readonly fixid: string
  readonly form: 'classic' | 'v3'
  readonly component: Component
  readonly sizeClass: SizeClass
  readonly extension: Container
  readonly title: string
  readonly build: string
  readonly version: string
  readonly vendor: string
  readonly os: string
  readonly severity: string
  readonly machines: readonly MachineType[]
  /** Whole seconds since 1970 UTC; also the modification time of the package's files. */
  readonly releasedAt: number
  readonly folder: string
  /** Bytes of payload. */
  readonly size: number
  /** False: a catalog refresh has downloaded the metadata, and not the payload. */
  readonly downloaded: boolean
  readonly spelling: Spelling
  /** Added to the payload's size in the metadata; a number other than zero is a defect. */
  readonly sizeError: number
  /** Older versions of the line that this package replaces. */
  readonly supersedes: readonly string[]
  readonly requisites: readonly string[]
  /** Suffix of an additional archive of the package, or empty. */
  readonly side: string
  readonly texts: TextSizes
}

/** Bytes of readme and change history, and the number of device labels in the metadata. */
export interface TextSizes {
  readonly readmeBytes: number
  readonly changesBytes: number
  readonly labels: number
}

/** Packages without payload are from the smaller classes, so that the size of the corpus changes little. */
const SMALL: ReadonlySet<SizeClass> = new Set(['T', 'S', 'M'])
const NOT_DOWNLOADED_SHARE = 0.05
const WRONG_SIZE_SHARE = 0.03
const SPELLING_SHARE = 0.01
const SPELLINGS: readonly Spelling[] = ['upper-case', 'crlf', 'bom', 'utf16']

/** Packages of all lines, in an order that is part of the corpus. */
export function planPackages(options: {
  readonly seed: number
  readonly lines: readonly ProductLine[]
  readonly defects: boolean
  /** 1 for payloads of real size; smaller payloads have smaller texts. */
  readonly textScale: number
}): PackagePlan[] {
  const { seed, lines, defects, textScale } = options
  const random = createRandom(`${seed}/packages`)
  const packages = lines.flatMap((line) => planLine(line, seed, textScale))
  const requisites = createRequisiteFinder(lines)
  const roles = assignRoles(packages, lines, random, defects)
  return packages.map((plan) => ({ ...plan, ...roles(plan.fixid), requisites: requisites(plan) }))
}

function planLine(line: ProductLine, seed: number, textScale: number): PackagePlan[] {
  const { component, target } = line
  return line.releases.map((release, index) => {
    const random = createRandom(`${seed}/package/${release.fixid}`)
    return {
      fixid: release.fixid,
      form: component.form,
      component,
      sizeClass: line.sizeClass,
      extension: target.extension,
      title: `Lenovo ${component.title}`,
      build: release.build,
      version: release.version,
      vendor: line.vendor,
      os: target.os,
      severity: random.pick(['critical', 'recommended', 'recommended', 'suggested', 'suggested', 'suggested']),
      machines: line.machines,
      releasedAt: release.releasedAt,
      folder: line.folder,
      size: release.size,
      downloaded: true,
      spelling: 'plain',
      sizeError: 0,
      supersedes: line.releases.slice(0, index).map(({ fixid }) => fixid),
      requisites: [],
      side: line.side,
      texts: drawTextSizes(random, textScale)
    }
  })
}

/** Readmes of 5 to 40 KB and change histories of about 3 to 40 entries, for payloads of real sizes. */
export function drawTextSizes(random: Random, scale: number): TextSizes {
  return {
    readmeBytes: Math.max(600, Math.round(random.integer(5_000, 40_000) * scale)),
    changesBytes: Math.max(400, Math.round(random.integer(1_500, 20_000) * scale)),
    labels: Math.max(1, Math.round(random.integer(4, 60) * scale))
  }
}

/** Selects the packages without payload, those with unusual styles, and those with a wrong size in their metadata. */
function assignRoles(
  packages: readonly PackagePlan[],
  lines: readonly ProductLine[],
  random: Random,
  defects: boolean
): (fixid: string) => Partial<PackagePlan> {
  const real = new Set(lines.filter((line) => line.tricky).flatMap((line) => line.releases.map(({ fixid }) => fixid)))
  const classic = packages.filter((plan) => plan.form === 'classic' && !real.has(plan.fixid))
  const some = (share: number) => Math.max(1, Math.round(packages.length * share))

  const small = classic.filter((plan) => SMALL.has(plan.sizeClass))
  const absent = new Set(random.shuffle(small).slice(0, some(NOT_DOWNLOADED_SHARE)))
  const present = random.shuffle(classic.filter((plan) => !absent.has(plan)))
  const wrong = new Set(present.splice(0, defects ? some(WRONG_SIZE_SHARE) : 0))
  const spellings = new Map<PackagePlan, Spelling>()
  for (const spelling of SPELLINGS) {
    for (const plan of present.splice(0, some(SPELLING_SHARE))) spellings.set(plan, spelling)
  }
  const roles = classic.map((plan): [string, Partial<PackagePlan>] => [
    plan.fixid,
    {
      downloaded: !absent.has(plan),
      spelling: spellings.get(plan) ?? 'plain',
      sizeError: wrong.has(plan) ? random.integer(1, 4096) : 0
    }
  ])
  const byFixid = new Map(roles)
  return (fixid) => byFixid.get(fixid) ?? {}
}

/** UEFI and LXPM require the oldest XCC of a common machine; long lines require an intermediate version. */
function createRequisiteFinder(lines: readonly ProductLine[]): (plan: PackagePlan) => string[] {
  const controllers = lines.filter(({ component }) => component.category === 'XCC' && component.form === 'classic')
  const oldest = new Map<string, string>()
  for (const { machines, releases } of controllers) {
    for (const { type } of machines) if (!oldest.has(type)) oldest.set(type, releases[0]?.fixid ?? '')
  }
  return ({ form, component, machines, supersedes }) => {
    if (form !== 'classic') return []
    if (component.category === 'XCC') return supersedes.slice(1, 2)
    if (component.spread !== 'platform') return []
    const controller = machines.map(({ type }) => oldest.get(type)).find((fixid) => fixid !== undefined)
    return controller === undefined ? [] : [controller]
  }
}
