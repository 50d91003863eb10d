// SPDX-License-Identifier: MIT
// Asked of a page by tests/browser/run; each gives a list of what is wrong, empty when nothing is.
({
  // Text that is hard to read on what stands behind it: WCAG 2.1, 1.4.3.
  contrast() {
    const parse = text => {
      const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
      return {r, g, b, a};
    };
    const light = ({r, g, b}) => {
      const part = v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
      return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    };
    const behind = node => {
      for (let at = node; at; at = at.parentElement) {
        const ground = parse(getComputedStyle(at).backgroundColor);
        if (ground.a === 1)
          return ground;
      }
      return {r: 255, g: 255, b: 255, a: 1};
    };
    const wrong = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let seen = 0;
    while (walker.nextNode()) {
      const node = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
      if (!text || node.closest('svg, script, noscript, .hide, .skip') || !node.checkVisibility() || !node.getClientRects().length)
        continue;
      seen++;
      const style = getComputedStyle(node), ink = parse(style.color), ground = behind(node);
      const [high, low] = [light(ink), light(ground)].sort((a, b) => b - a);
      const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700);
      const ratio = (high + 0.05) / (low + 0.05);
      if (ratio < (large ? 3 : 4.5))
        wrong.push(`${ratio.toFixed(2)}: ${text.slice(0, 40)} (${node.tagName}.${node.className})`);
    }
    return seen > 10 ? [...new Set(wrong)] : ['hardly any text was looked at'];
  },
  // Everything that refers to an id refers to one that is there once.
  references() {
    const ids = [...document.querySelectorAll('[id]')].map(node => node.id);
    const wrong = ids.filter((id, i) => ids.indexOf(id) !== i).map(id => 'twice: ' + id);
    for (const node of document.querySelectorAll('[aria-labelledby], [data-copy]'))
      for (const name of ['aria-labelledby', 'data-copy'])
        if (node.hasAttribute(name) && !document.getElementById(node.getAttribute(name)))
          wrong.push(`${name} leads nowhere: ${node.getAttribute(name)}`);
    for (const link of document.querySelectorAll('a'))
      if (!(link.getAttribute('href') || '').startsWith('#'))
        wrong.push('leads out of the page: ' + link.getAttribute('href'));
    for (const node of document.querySelectorAll('[src], [action], link, iframe, object, embed, [style]:not(canvas), [onclick]'))
      if (!(node.getAttribute('src') || '').startsWith('data:image/'))
        wrong.push('is no part of a page of ours: ' + node.outerHTML.slice(0, 80));
    return wrong;
  },
  // A chart is a canvas with more than one colour on it.
  charts() {
    const wrong = [];
    for (const canvas of document.querySelectorAll('canvas')) {
      if (canvas.closest('[hidden]')) {
        wrong.push(canvas.id + ' is not shown');
        continue;
      }
      const pixels = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
      const colours = new Set(pixels);
      if (canvas.width < 100 || canvas.height < 100 || colours.size < 8)
        wrong.push(`${canvas.id}: ${canvas.width} x ${canvas.height}, ${colours.size} colours`);
    }
    return wrong;
  },
  // Each fold opens and closes by a click on its line.
  folds() {
    const wrong = [];
    for (const fold of document.querySelectorAll('details')) {
      const was = fold.open;
      fold.firstElementChild.click();
      if (fold.open === was)
        wrong.push(fold.textContent.slice(0, 40));
      fold.open = true;
    }
    for (const fold of document.querySelectorAll('details'))
      if (!fold.parentElement.closest('.finding') && fold.getBoundingClientRect().height <= fold.firstElementChild.getBoundingClientRect().height)
        wrong.push('nothing in it: ' + fold.textContent.slice(0, 40));
    return wrong;
  },
  // What can be scrolled sideways is a part of the page, never the page, and can be reached by keys.
  width() {
    const root = document.documentElement, wrong = root.scrollWidth > root.clientWidth ? [`the page is ${root.scrollWidth} wide`] : [];
    for (const node of document.querySelectorAll('body *')) {
      const style = getComputedStyle(node);
      if (/auto|scroll/.test(style.overflowX + style.overflowY) && (node.scrollWidth > node.clientWidth + 1 || node.scrollHeight > node.clientHeight + 1) &&
          node.tabIndex < 0 && node.checkVisibility() && !node.matches('input, select'))
        wrong.push('keys cannot scroll: ' + node.outerHTML.slice(0, 60));
    }
    return wrong;
  },
})
