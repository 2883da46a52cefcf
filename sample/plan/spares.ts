import type { Corpus } from '../corpus.ts'
import { createRandom } from '../random.ts'
import { spareComponent } from './components.ts'
import type { MachineType } from './machine-types.ts'
import type { Namer } from './naming.ts'
import { drawTextSizes, type PackagePlan } from './package-plan.ts'

/** One package for each kind of defect that needs a separate one. */
const SPOILED = 9
const ORPHAN_SHARE = 0.02
const MAX_SPARE_BYTES = 200_000
const DAY = 24 * 60 * 60
const RELEASED_AT = Date.UTC(2023, 4, 9, 9, 30, 0) / 1000

/** Small packages in addition to those of the corpus, for the defects. */
export function planSpares(options: {
  readonly seed: number
  readonly namer: Namer
  readonly machines: readonly MachineType[]
  readonly corpus: Corpus
}): PackagePlan[] {
  const { seed, namer, machines, corpus } = options
  const random = createRandom(`${seed}/spares`)
  const mean = corpus.targetBytes / corpus.packages
  const [target] = spareComponent.targets
  if (target === undefined) return []
  const orphans = Math.max(1, Math.round(corpus.packages * ORPHAN_SHARE))
  return Array.from({ length: SPOILED + orphans }, (_, index) =>
    namer.nameLine(spareComponent, 'lnvgy', target, 1).map((name) => ({
      ...name,
      form: 'classic' as const,
      component: spareComponent,
      sizeClass: 'T' as const,
      extension: target.extension,
      title: `Lenovo ${spareComponent.title}`,
      vendor: 'lnvgy',
      os: target.os,
      severity: 'suggested',
      machines: machines.slice(0, 1),
      releasedAt: RELEASED_AT + index * 7 * DAY,
      folder: '',
      size: Math.round(Math.min(MAX_SPARE_BYTES, Math.max(8000, mean / 4))),
      downloaded: true,
      spelling: 'plain' as const,
      sizeError: 0,
      supersedes: [],
      requisites: [],
      side: '',
      texts: drawTextSizes(random, corpus.textScale)
    }))
  ).flat()
}
