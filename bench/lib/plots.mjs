// The plots, as SVG that is readable on light and on dark pages.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as echarts from 'echarts';

const WIDTH = 860;
const HEIGHT = 380;
/** Stands in for the colour of text, which the page's scheme decides. */
const INK = '#010203';
const STYLE = '<style>svg{color:#24292f}@media(prefers-color-scheme:dark){svg{color:#e6edf3}}</style>';
/** A grey for lines on either. */
const LINE = '#8c959f';
/** Colours that are told apart on both, also by most who see few colours. */
const COLORS = [
  '#0077bb',
  '#ee7733',
  '#009988',
  '#cc3311',
  '#33bbee',
  '#aa3377',
  '#888888',
  '#bbaa22',
  '#7755cc',
  '#bb7799',
];

const text = { color: INK, fontFamily: 'sans-serif' };
const axis = {
  axisLine: { lineStyle: { color: LINE } },
  splitLine: { lineStyle: { color: LINE } },
  axisLabel: text,
  nameTextStyle: text,
};

function draw(title, options) {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  chart.setOption({
    animation: false,
    color: COLORS,
    title: { text: title, textStyle: { ...text, fontSize: 15 }, left: 'center' },
    legend: { top: 28, itemGap: 26, itemWidth: 16, itemHeight: 10, textStyle: { ...text, fontSize: 11 } },
    grid: { left: 90, right: 30, top: 92, bottom: 50 },
    textStyle: text,
    ...options,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  const [open] = /<svg[^>]*>/.exec(svg);
  return svg
    .replace(open, `${open}${STYLE}`)
    .replaceAll(INK, 'currentColor')
    .replace(/<rect [^>]*fill="none"[^>]*><\/rect>/, '');
}

/** Bars in groups, on a logarithmic scale. */
function bars(title, categories, series) {
  return draw(title, {
    xAxis: { type: 'category', data: categories, ...axis, axisLabel: { ...text, interval: 0, fontSize: 11 } },
    yAxis: { type: 'log', min: 100, ...axis },
    series: series.map(([name, data]) => ({ name, type: 'bar', data: data.map((value) => value ?? '-') })),
  });
}

/** Lines over a logarithmic x. */
function lines(title, name, series, unit, y = {}) {
  return draw(title, {
    xAxis: { type: 'log', name, nameLocation: 'middle', nameGap: 28, ...axis },
    yAxis: { type: 'log', name: unit, ...axis, ...y },
    series: series.map(([label, data]) => ({ name: label, type: 'line', data, symbolSize: 7 })),
  });
}

const ENGINES = ['sock-dtls native', 'webrtc-dtls', 'dimpl', 'OpenSSL', 'floor'];

function handshakes(results) {
  const rows = results.distinct('handshakes', 'row');
  const series = ENGINES.map((name) => [name, rows.map((row) => results.value('handshakes', row, name))]);
  const labels = rows.map((row) => row.replace(/_AES_128/, '').replace(', ', '\n'));
  return bars('Handshakes a second, both sides in memory, one core', labels, series);
}

function records(results) {
  const lengths = results.distinct('seal and open', 'length');
  const series = ['AES_128_GCM', 'AES_128_CCM_8'].flatMap((row) =>
    ['sock-dtls native', 'OpenSSL', 'webrtc-dtls'].map((name) => [
      `${name}, ${row.replace('AES_128_', '')}`,
      lengths
        .map((length) => [length, results.value('seal and open', row, name, { length })])
        .filter(([, value]) => value),
    ]),
  );
  return lines('Records sealed and opened a second, one core', 'bytes', series, '/s');
}

function node(group, title) {
  return (results) => {
    const rows = results.distinct(group, 'row').filter((row) => !/resident/.test(row));
    const entrants = [];
    for (const { group: found, subject, auth } of results.all) {
      const name = `${subject}, ${auth}`;
      if (found === group && !entrants.some(([other]) => other === name))
        entrants.push([name, subject, auth]);
    }
    const series = entrants.map(([name, subject, auth]) => [
      name,
      rows.map((row) => results.value(group, row, subject, { auth })),
    ]);
    return bars(
      title,
      rows.map((row) => row.replace(', ', '\n')),
      series,
    );
  };
}

function sessions(results) {
  const counts = results.distinct('sessions', 'row');
  const of = (group) => counts.map((count) => [count, results.value(group, count, 'sock-dtls native')]);
  return lines(
    'Echoes over many sessions of one sock',
    'sessions',
    [
      ['echoes a second', of('sessions')],
      ['p99, microseconds', of('sessions, p99')],
    ],
    '',
  );
}

/** Each plot, and the table that it goes with. */
export const PLOTS = [
  {
    file: 'handshakes.svg',
    table: 'Handshakes, both sides in memory, one core',
    alt: 'Bars: handshakes a second by suite and engine',
    of: handshakes,
  },
  {
    file: 'records.svg',
    table: 'Records sealed and opened, one core',
    alt: 'Lines: records sealed and opened a second by length, AEAD and engine',
    of: records,
  },
  {
    file: 'clients.svg',
    table: 'From Node.js, as client of the same server',
    alt: 'Bars: rates of each implementation as a client from Node.js',
    of: node('as client', 'From Node.js, as client of the same server: a second'),
  },
  {
    file: 'servers.svg',
    table: 'From Node.js, as server of the same client',
    alt: 'Bars: rates of each implementation as a server from Node.js',
    of: node('as server', 'From Node.js, as server of the same client: a second'),
  },
  {
    file: 'sessions.svg',
    table: 'More sessions on one sock',
    alt: 'Lines: echoes a second and their 99th percentile by the number of sessions',
    of: sessions,
  },
];

export function drawAll(results, folder) {
  for (const { file, of } of PLOTS) writeFileSync(join(folder, file), of(results));
}
