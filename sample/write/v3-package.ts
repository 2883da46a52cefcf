/** A V3 package: one ZIP with the JSON metadata, the texts, and the payload below `payloads/`. */

import type { PackageRecord } from '../manifest.ts'
import type { PackagePlan } from '../plan/package-plan.ts'
import { createRandom } from '../random.ts'
import { type Entry, zipOf } from './containers.ts'
import { type Content, contentOf, digestContent } from './content.ts'
import type { ImageMaker } from './image.ts'
import { payloadOf } from './payloads.ts'
import { renderChangeHistory, renderHtml, renderReadme } from './texts.ts'
import type { Tree } from './tree.ts'
import { renderIndex, renderInventory, renderSignature, type V3Component } from './v3-json.ts'
import { recordOf } from './write-package.ts'

/** Some packages have a second payload, for another generation of the same device. */
const SECOND_PAYLOAD_CHANCE = 1 / 6

/** Writes the one file of a V3 package. */
export async function writeV3Package(tree: Tree, plan: PackagePlan, image: ImageMaker): Promise<PackageRecord> {
  const file = await tree.write(`${plan.fixid}.zip`, 'payload', v3Zip(plan, image), plan.releasedAt)
  return recordOf(plan, [file])
}

function v3Zip(plan: PackagePlan, image: ImageMaker): Content {
  const { fixid, releasedAt, texts } = plan
  const payloads = payloadEntries(plan, image)
  const component = componentOf(plan, payloads)
  const index = renderIndex(component)
  const inventory = contentOf(renderInventory(component))
  const inventoryFacts = {
    path: `${fixid}_inventory.json`,
    size: inventory.size,
    sha256: digestContent(inventory).sha256
  }
  const readme = renderReadme(plan, texts.readmeBytes)
  const text = (name: string, content: string): Entry => ({ name, content: contentOf(content) })
  return zipOf(
    [
      text('index.json', index),
      text(`${fixid}.chg`, renderChangeHistory(plan, texts.changesBytes)),
      text(`${fixid}.html`, renderHtml(plan, readme)),
      text(`${fixid}.txt`, readme),
      text(`${fixid}_index.json`, index),
      { name: inventoryFacts.path, content: inventory },
      text(`${fixid}_signature.json`, renderSignature(component, inventoryFacts)),
      ...payloads
    ],
    releasedAt
  )
}

function payloadEntries({ fixid, size, releasedAt, sizeClass }: PackagePlan, image: ImageMaker): Entry[] {
  const several = sizeClass === 'S' && createRandom(`v3/${fixid}`).next() < SECOND_PAYLOAD_CHANCE
  const names = several ? [`${fixid}.uxz`, `${fixid}_b.uxz`] : [`${fixid}.uxz`]
  return names.map((name) => ({
    name: `payloads/${name}`,
    content: payloadOf({ key: name, extension: 'uxz', size: size / names.length, releasedAt }, image)
  }))
}

function componentOf(plan: PackagePlan, payloads: readonly Entry[]): V3Component {
  const { fixid, title, version, releasedAt, machines, component } = plan
  const random = createRandom(`devices/${fixid}`)
  const id = () => random.hex(4).toUpperCase()
  const onBoard = component.naming === 'build'
  return {
    fixid,
    title,
    version,
    releasedAt,
    machineTypes: machines.map(({ type }) => type),
    softwareIds: onBoard ? [`FW-${component.category}`] : [`DEVICE-14E4-${id()}-17AA-${id()}-13`],
    updateType: onBoard ? 'Core' : 'BMU',
    activation: component.rebootRequired ? 'System reboot' : 'Self-Contained',
    prerequisites: [],
    payloads: payloads.map(({ name, content }) => ({
      path: name,
      size: content.size,
      sha256: digestContent(content).sha256
    })),
    parent: fixid,
    hasLocation: false
  }
}
