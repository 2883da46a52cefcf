/** Plans the whole repository: every package with its final size, before the first byte is written. */

import type { Corpus } from '../corpus.ts'
import { createRandom } from '../random.ts'
import { fitSizes } from '../size-classes.ts'
import { type BundlePlan, planBundle } from './bundle-plan.ts'
import { planLines } from './lines.ts'
import { chooseMachines } from './machine-types.ts'
import { createNamer } from './naming.ts'
import { drawTextSizes, type PackagePlan, planPackages, type TextSizes } from './package-plan.ts'
import { planSpares } from './spares.ts'
import { planSystemPacks, type SystemPackPlan } from './system-packs.ts'

export interface RepositoryPlan {
  readonly packages: readonly PackagePlan[]
  readonly systemPacks: readonly SystemPackPlan[]
  readonly bundle: BundlePlan
  readonly bundleTexts: TextSizes
  /** Small packages that get defects; empty without defects. */
  readonly spares: readonly PackagePlan[]
}

/** The bundle's share of the payload bytes: 914 MB in a corpus of 25 GB. */
const BUNDLE_SHARE = 0.0364

export function planRepository(corpus: Corpus, seed: number, defects: boolean): RepositoryPlan {
  const { textScale } = corpus
  const machines = chooseMachines(corpus.machineTypes)
  const namer = createNamer(createRandom(`${seed}/names`))
  const lines = planLines({ ...corpus, seed, machines, namer })
  const drafts = planPackages({ seed, lines, defects, textScale })
  const systemPacks = planSystemPacks({
    seed,
    count: corpus.systemPacks,
    machines: machines.classic,
    packages: drafts,
    maxDevices: corpus.packDevices,
    defects,
    textScale
  })
  const bundleDraft = planBundle(seed, corpus.packages, machines.v3)
  const bundleTexts = drawTextSizes(createRandom(`${seed}/bundle-texts`), textScale)
  const spares = defects ? planSpares({ seed, namer, machines: machines.classic, corpus }) : []

  const space = corpus.targetBytes - estimateMetadata(drafts, systemPacks, bundleDraft, bundleTexts) - sum(spares)
  const bundle = fitBundle(bundleDraft, space * BUNDLE_SHARE)
  const packages = fitPackages(drafts, space - sum(bundle.components))
  return { packages, systemPacks, bundle, bundleTexts, spares }
}

function fitPackages(packages: readonly PackagePlan[], target: number): PackagePlan[] {
  const present = packages.filter((plan) => plan.downloaded)
  const fit = fitSizes(
    present.map((plan) => plan.size),
    target
  )
  return packages.map((plan) => ({ ...plan, size: fit(plan.size) }))
}

function fitBundle(bundle: BundlePlan, target: number): BundlePlan {
  const sizes = bundle.components.map((component) => component.size).filter((size) => size > 0)
  const fit = fitSizes(sizes, target)
  const components = bundle.components.map((component) => ({ ...component, size: fit(component.size) }))
  return { ...bundle, components }
}

/** Measured means; they matter because a large part of a small corpus is metadata. */
const XML_BYTES = 2600
const LABEL_BYTES = 65
const MACHINE_BYTES = 55
const V3_JSON_BYTES = 5500
const COMPONENT_BYTES = 6500

function estimateMetadata(
  packages: readonly PackagePlan[],
  packs: readonly SystemPackPlan[],
  bundle: BundlePlan,
  bundleTexts: TextSizes
): number {
  const texts = ({ readmeBytes, changesBytes }: TextSizes) => readmeBytes + changesBytes
  const ofPackages = packages.map((plan) => {
    const xml = XML_BYTES + plan.texts.labels * LABEL_BYTES + plan.machines.length * MACHINE_BYTES
    return texts(plan.texts) + (plan.form === 'v3' ? V3_JSON_BYTES + plan.texts.readmeBytes : xml)
  })
  const ofPacks = packs.map((pack) => texts(pack.texts) + XML_BYTES)
  const { readmeBytes, changesBytes } = bundleTexts
  const ofComponent = COMPONENT_BYTES + 2 * Math.min(readmeBytes, 6000) + Math.min(changesBytes, 4000)
  return [...ofPackages, ...ofPacks, ofComponent * bundle.components.length].reduce((total, size) => total + size, 0)
}

function sum(items: readonly { readonly size: number }[]): number {
  return items.reduce((total, { size }) => total + size, 0)
}
