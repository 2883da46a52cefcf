import type { Random } from '../random.ts'
import { type Component, knownFamilies, type Target } from './components.ts'

/** The name of one version of a product line. */
export interface ReleaseName {
  readonly fixid: string
  /** Upper case, as in metadata; lower case in the fixid. Empty for lines without build ids. */
  readonly build: string
  readonly version: string
}

export interface Namer {
  /** Reserves a given name. */
  reserve(fixid: string): void
  /** Names for `count` consecutive versions of one line, oldest first. */
  nameLine(component: Component, brand: string, target: Target, count: number): ReleaseName[]
}

/** Names that are unique among all packages, also on case-insensitive file systems. */
export function createNamer(random: Random): Namer {
  const taken = new Set<string>()
  const families = new Set<string>()

  // Packages of one family replace each other: a family belongs to one line.
  const drawFamily = (component: Component): string => {
    const known = component.form === 'classic' ? (knownFamilies[component.name] ?? []) : []
    let family = known.find((candidate) => !families.has(candidate)) ?? random.letters(3)
    while (families.has(family)) family = random.letters(3)
    families.add(family)
    return family
  }

  const drawLine = (component: Component, brand: string, target: Target, count: number): ReleaseName[] => {
    const releases =
      component.naming === 'build'
        ? drawBuilds(random, drawFamily(component), count)
        : drawVersions(random, random.pick(component.naming), count)
    return releases.map(({ text, build, version }) => ({
      fixid: `${brand}_${component.kind}_${component.name}_${text}_${target.os}_${target.arch}`,
      build,
      version
    }))
  }

  const reserve = (fixid: string) => {
    taken.add(fixid.toLowerCase())
    families.add(/_([a-z]{3})[0-9a-z]{3}[a-z]-/.exec(fixid)?.[1] ?? '')
  }

  return {
    reserve,
    nameLine(component, brand, target, count) {
      let line = drawLine(component, brand, target, count)
      while (line.some(({ fixid }) => taken.has(fixid.toLowerCase()))) line = drawLine(component, brand, target, count)
      for (const { fixid } of line) taken.add(fixid.toLowerCase())
      return line
    }
  }
}

/** Seven characters, a dash, and a version: `cdi340v-3.08`. The first three name the firmware family. */
function drawBuilds(random: Random, family: string, count: number) {
  const number = random.integer(100, 899)
  const hundredths = random.integer(100, 900)
  const letter = random.pick([...'abcdefghjklmnprstvwxyz'])
  return Array.from({ length: count }, (_, step) => {
    const build = `${family}${number + 2 * step}${letter}`
    const version = ((hundredths + step) / 100).toFixed(2)
    return { text: `${build}-${version}`, build: build.toUpperCase(), version }
  })
}

/** Versions in the styles of suppliers: `nx1-212.9.5.14`, `cx-5.47-1.0.33.0`. */
function drawVersions(random: Random, pattern: string, count: number) {
  const drawn = pattern.replaceAll('*', () => String(random.integer(10, 99)))
  const start = random.integer(10, 89)
  return Array.from({ length: count }, (_, step) => {
    const text = drawn.replace('#', String(start + step))
    return { text, build: '', version: text.replace(/^[a-z]\w*-/, '') }
  })
}
