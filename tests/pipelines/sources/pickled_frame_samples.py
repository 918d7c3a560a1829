"""Frames as `DataFrame.to_pickle` of other pandas versions wrote them, packed as text.

All hold the same rows: `user_id` 1 and 0, `item_id` 5 and 6, `neg_items` [1, 2] and [3, 4],
`rec_his` 0 and 1, `src_session_his` 0 and 0, `keyword` "[1, 2]" and "[3]"; the row of a third user
was dropped, so that the index is no range.
"""

from __future__ import annotations

import base64
import zlib

PANDAS_1_1 = (
    "c-nna-)j>=5Kb<4m$bFiN{fn6>Vuj}IgD0OP!ubLco@Og5{|vQP4-Cc5_b2j0R#GwYGL0x_TSany`&`3IuHB%oB8"
    "J3nQzXoExTk)Z4OBm6X8VzPQ4B%DFwCij!1H3*5|PI9mY^sc93>CsGa%eNhT@JNMCp<$w-%S0qWY@{vhgoDE0-s-"
    "bVbbMPN+7P~n9{V7S#FqbEUApCN#)DQC7efny{CYCFr*;i!P8d0!@kb27qs0jJR*6O!kVM2K?CLr_%=XP%scUz)&"
    "SIfNhZ3F>~?cPGHMl@rU+P-m#DkI&)kXK`Cm<*(3cwch_mGlTzHLU^WgsOEz5Ac@g=B57(?D;ezudWX4JkxIZ4Tx"
    "|#*1%e8Z46@>++M}bB0gr*AH)Us9+*W>yG1<Dh^Dl8Q56Y7W^=W4E*}<G9Y*XEsljHK?TF~KxG|W34BYpkidTG(h"
    "(;3)~vXX_QUoItGLYlrc0aZQ(saft9Y$*!Cp4KnkEV-PSGo9TlLN6Pz7ryOVr@&sBFk9@V{w{WV_F0y>ysJN;T^w"
    "i%e#N(`a*rGPyN}zTD#uUSMp;8|ooyJE{&r?hrmomMcAwSRp2o~l`wz~##64gS=P`5)%6;TD4!lNDtpvXg*s5|v-"
    "3I~?qtD&Xq@U}XBUQsj3h)v)sN?PxI#s5#J+ISbs#30L_E?kkRV~aD?1l_W%n|)0(gls0)%=R)p3_{IdJC}Du~>C"
    "4&6+$&sU)VkP(X)BiS0XvJoNqmcsOPY"
)
"""pandas 1.1.5, NumPy 1.19.5, protocol 5: the blocks are state of their manager."""

PANDAS_1_3 = (
    "c-nPS-)j>=5YCUgq-jglf?E7VeM_MPtwlrx#fnf*BlNX|W$$j2J$knncK3(@3;K|>g?;PTztuOLy~}A5+I_g4-J9"
    "9@=9_PRxW9haEBP{ahE#-9b%Io~PG8c5foXl9ntsgfOW64dr_eSINd^+klX>?@XeI@XRVSf>4wzJ6*5AizaPp-%W"
    "4LMcGZE-Cjqzu5NTrTwZ0{dk|B`RR(X}Pmh~x)!p1={b`NqyE7)OLr0$xpZHTY&zWXW(`yn!Z@Q2=I*^ktg(S-+n"
    "nXkWc6YOPc&i_4wujivi#zjA?b^L)66dOWo3m|FA-F3!&^K(B79Z=l=le)@we|9BNd={a6)3Z{Ah8r}H4_SN<c31"
    ">~IIAucq*mEYppW48w4PN6L|H<H+B@cJ!cu2AsIhK+l&UGSLkP4+`7HEXaw@edR&wpNmSDC;;)rSIo)vH;Y{DG-`"
    "U8w2%QcZ6$<3$hJy&{O&z3w^8G>)I|ZtwNL)Q?~EfLUNGeik7dfgN>K90is$%(LRv&t@e}0prcqq8dW>jiDB(LN%"
    "@uD}_UQXDj$@+|tf<8KPE!KjVA08opoF(!j%Oi_$bR#UzPBlwYJ-l3S>*0kJ15N~DPJ2(4R621GHXqEr+&%@Z~rr"
    "7|pvafBU-ZkBhVYaU*Q`JW0`4~2fYKL?c`+1B5_q4l=awX)Tm6iJx<;OL>)5VNhcoKTW5P4m)`ZkK9}vxn2sApMv"
    "Qa`Qfo<8-7*m<^G4su_u?&u|LQRpxj80tEqOTL"
)
"""pandas 1.3.4, NumPy 1.22.4, protocol 5: blocks are made by a partial function."""

PANDAS_2_2 = (
    "c-nPS&1>5*6n7juY1guKh3?}rdKkllVc2%rVX)Gc!e*Aib}T{2wi21xa*$-QzzW-;X$!jbt^e-!WXD?*=sQSH(tC"
    "Qp-~0IK|2AEx7V~gQMM_nel#+!bNec#M^O$OSQtQ|7@)w*zU_4TcC75To%`>5y6f{?1K?NN%slaR>=4CSZ+?>(fJ"
    "X(5?Jd4$T7cdV<C8k+2$r*{Qk2T&ERWY46zoW`zmVntJBUu)4H5%1F1~&%{cBkX4ioe`@YxnDRt$^|Cc(|u}KDBI"
    "(o4tdp%M17lLDV&!_b?a?KK((dm&nl&M_%MEz;up4qZz*+-0a^GaG7MsYXkDV$U6uA)H+74jl#Fg-YwEamFtX3Nf"
    "FdGkt`{N(y~f4V&glekEyI5uOV{I;iwZs1GN*m78Kt#?w1t;Kh_9*Kmu1o2!@RlvwJu4nCYFqezpH*2&Q}bb_fj3"
    "%tl;g2uEPCe3fU3O%TS}h`Ja5@Gk&=Fi%$7B4yv13S+9UneGw6X5^#2vm6eL-|BT+rPyk~pYs=%4-Z;4Jv@XKr|D"
    "OUNs^^t`k7`$t!)Z6CiaBL`j{lbGuu!~CPXo%vQjiR{Rx}TN|`ovJYhR}P%UiQ5BV|1=O?y&J9m`NmdkC+#lJP4%"
    "q}<%*f0ph!f&UB6im~a4`$J)TH`#Nf$5P^PRF(SnC5voQzWgXm`<u0$!W}R7%o*6hkpSK>p6M"
)
"""pandas 2.2.3, NumPy 1.26.4, protocol 5."""


def unpacked(sample: str) -> bytes:
    """The pickle."""
    return zlib.decompress(base64.b85decode(sample))
