// QR codes (ISO/IEC 18004): bytes, error correction level M, versions 1 to 13, which hold up to 331 bytes.

const VERSION_MAX = 13;
const CHECK_BYTES = [0, 10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22]; // per block, by version
const BLOCKS = [0, 1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9];
const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (x, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

// Rows of booleans, true is dark, without the quiet zone around; null for a text that is too long.
export function qr(text) {
  const bytes = new TextEncoder().encode(text);
  let version = 1;
  while (version <= VERSION_MAX && dataBytes(version) < bytes.length + (version < 10 ? 2 : 3)) version += 1;
  if (version > VERSION_MAX) return null;
  const codewords = withChecks(version, padded(version, bytes));
  let best = null;
  for (let mask = 0; mask < MASKS.length; mask += 1) {
    const rows = drawn(version, codewords, mask);
    const cost = penalty(rows);
    if (best === null || cost < best.cost) best = { rows, cost };
  }
  return best.rows;
}

function rawBytes(version) {
  let modules = (16 * version + 128) * version + 64;
  if (version >= 2) {
    const patterns = Math.floor(version / 7) + 2;
    modules -= (25 * patterns - 10) * patterns - 55;
    if (version >= 7) modules -= 36;
  }
  return Math.floor(modules / 8);
}

const dataBytes = (version) => rawBytes(version) - CHECK_BYTES[version] * BLOCKS[version];

function padded(version, bytes) {
  const bits = [];
  const push = (value, count) => {
    for (let i = count - 1; i >= 0; i -= 1) bits.push((value >>> i) & 1);
  };
  push(4, 4);
  push(bytes.length, version < 10 ? 8 : 16);
  for (const byte of bytes) push(byte, 8);
  const room = dataBytes(version) * 8;
  push(0, Math.min(4, room - bits.length));
  push(0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0xec; bits.length < room; pad ^= 0xec ^ 0x11) push(pad, 8);
  return Array.from({ length: room / 8 }, (_, i) => bits.slice(8 * i, 8 * i + 8).reduce((byte, bit) => 2 * byte + bit, 0));
}

// Multiplication in GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1.
function times(a, b) {
  let product = 0;
  for (let i = 7; i >= 0; i -= 1) {
    product = (product << 1) ^ ((product >>> 7) * 0x11d);
    product ^= ((b >>> i) & 1) * a;
  }
  return product;
}

function checks(data, count) {
  const divisor = Array(count).fill(0);
  divisor[count - 1] = 1;
  for (let i = 0, root = 1; i < count; i += 1, root = times(root, 2))
    for (let j = 0; j < count; j += 1) divisor[j] = times(divisor[j], root) ^ (j + 1 < count ? divisor[j + 1] : 0);
  const rest = Array(count).fill(0);
  for (const byte of data) {
    const factor = byte ^ rest.shift();
    rest.push(0);
    divisor.forEach((one, i) => (rest[i] ^= times(one, factor)));
  }
  return rest;
}

function withChecks(version, data) {
  const count = BLOCKS[version];
  const short = Math.floor(data.length / count);
  const longer = data.length % count; // so many blocks at the end hold one byte more
  const blocks = [];
  for (let i = 0, from = 0; i < count; i += 1) {
    const size = short + (i >= count - longer ? 1 : 0);
    blocks.push(data.slice(from, from + size));
    from += size;
  }
  const extra = blocks.map((block) => checks(block, CHECK_BYTES[version]));
  const woven = [];
  for (let i = 0; i <= short; i += 1) for (const block of blocks) if (i < block.length) woven.push(block[i]);
  for (let i = 0; i < CHECK_BYTES[version]; i += 1) for (const block of extra) woven.push(block[i]);
  return woven;
}

function drawn(version, codewords, mask) {
  const size = 17 + 4 * version;
  const rows = Array.from({ length: size }, () => Array(size).fill(null));
  drawFixed(version, rows);
  drawFormat(rows, mask);
  // Two columns at a time from right to left, up and down in turn; column 6 belongs to the timing pattern.
  let bit = 0;
  let up = true;
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step += 1) {
      const y = up ? size - 1 - step : step;
      for (const x of [right, right - 1]) {
        if (rows[y][x] !== null) continue;
        const dark = bit < codewords.length * 8 && ((codewords[bit >>> 3] >>> (7 - (bit & 7))) & 1) === 1;
        rows[y][x] = dark !== MASKS[mask](x, y);
        bit += 1;
      }
    }
    up = !up;
  }
  return rows;
}

function drawFixed(version, rows) {
  const size = rows.length;
  const square = (x, y, radius, light) => {
    for (let dy = -radius; dy <= radius; dy += 1)
      for (let dx = -radius; dx <= radius; dx += 1)
        if (rows[y + dy]?.[x + dx] !== undefined) rows[y + dy][x + dx] = !light.includes(Math.max(Math.abs(dx), Math.abs(dy)));
  };
  for (let i = 0; i < size; i += 1) rows[6][i] = rows[i][6] = i % 2 === 0;
  for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]]) square(x, y, 4, [2, 4]);
  const at = alignments(version);
  const last = at.length - 1;
  at.forEach((x, i) =>
    at.forEach((y, j) => {
      const corner = (i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0);
      if (!corner) square(x, y, 2, [1]);
    }),
  );
  if (version < 7) return;
  let rest = version;
  for (let i = 0; i < 12; i += 1) rest = (rest << 1) ^ ((rest >>> 11) * 0x1f25);
  const bits = (version << 12) | rest;
  for (let i = 0; i < 18; i += 1) {
    const [long, short] = [size - 11 + (i % 3), Math.floor(i / 3)];
    rows[short][long] = rows[long][short] = ((bits >>> i) & 1) === 1;
  }
}

function alignments(version) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = Math.ceil((4 * version + 4) / (2 * count - 2)) * 2;
  return [6, ...Array.from({ length: count - 1 }, (_, i) => 10 + 4 * version - step * (count - 2 - i))];
}

function drawFormat(rows, mask) {
  const size = rows.length;
  let rest = mask; // level M is written 00
  for (let i = 0; i < 10; i += 1) rest = (rest << 1) ^ ((rest >>> 9) * 0x537);
  const bits = ((mask << 10) | rest) ^ 0x5412;
  const bit = (i) => ((bits >>> i) & 1) === 1;
  for (let i = 0; i <= 5; i += 1) rows[i][8] = bit(i);
  [rows[7][8], rows[8][8], rows[8][7]] = [bit(6), bit(7), bit(8)];
  for (let i = 9; i < 15; i += 1) rows[8][14 - i] = bit(i);
  for (let i = 0; i < 8; i += 1) rows[8][size - 1 - i] = bit(i);
  for (let i = 8; i < 15; i += 1) rows[size - 15 + i][8] = bit(i);
  rows[size - 8][8] = true;
}

// The standard's four rules, so that no mask leaves what a camera stumbles over.
function penalty(rows) {
  const size = rows.length;
  const lines = rows.map((row) => row.map((dark) => (dark ? "1" : "0")).join(""));
  for (let x = 0; x < size; x += 1) lines.push(rows.map((row) => (row[x] ? "1" : "0")).join(""));
  let cost = 0;
  for (const line of lines) {
    for (const run of line.match(/0{5,}|1{5,}/g) ?? []) cost += run.length - 2;
    for (const pattern of ["10111010000", "00001011101"])
      for (let at = line.indexOf(pattern); at >= 0; at = line.indexOf(pattern, at + 1)) cost += 40;
  }
  for (let y = 1; y < size; y += 1)
    for (let x = 1; x < size; x += 1)
      if (rows[y][x] === rows[y - 1][x] && rows[y][x] === rows[y][x - 1] && rows[y][x] === rows[y - 1][x - 1]) cost += 3;
  const dark = rows.flat().filter(Boolean).length;
  return cost + 10 * Math.floor(Math.abs((100 * dark) / (size * size) - 50) / 5);
}
